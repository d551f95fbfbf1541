import Base

package typealias CIDR = CIDRBlock
package typealias SocketAddress = IPEndpoint
