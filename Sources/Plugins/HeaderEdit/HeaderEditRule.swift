import Base
import HTTP
import Routing

/// Changes to the header lines of a message: removes first, then sets.
package struct HeaderEditRule {
    /// One header line to set, in place of every line of its name.
    package struct Assignment {
        let name: ByteView
        let known: KnownField
        let value: CompiledTemplate

        package init(name: ByteView, value: CompiledTemplate) {
            self.name = name
            self.known = KnownField(name: name)
            self.value = value
        }
    }

    private let removals: [ByteView]
    private let assignments: [Assignment]

    /// - Parameters: the views must live as long as the rule.
    package init(removals: [ByteView], assignments: [Assignment]) {
        self.removals = removals
        self.assignments = assignments
    }

    func apply(to fields: inout HeaderList) { apply(to: &fields, parameters: RouteMatch(), path: ByteView()) }

    func apply(to fields: inout HeaderList, parameters: borrowing RouteMatch, path: ByteView) {
        for name in removals { fields.removeAll(named: name) }
        for assignment in assignments {
            fields.removeAll(named: assignment.name)
            fields.beginValue(name: assignment.name, known: assignment.known)
            assignment.value.append(parameters: parameters, path: path, to: &fields)
            fields.finishValue()
        }
    }
}
