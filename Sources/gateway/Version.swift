/// The program's version, in the one place where it is written.
package let programVersion = "0.1.0"
