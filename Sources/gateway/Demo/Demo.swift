import Base
import EventLoop
import Linux
import Proxy

/// `run --demo`: a small upstream inside the gateway's own process, and curl lines that show what gateway.d does.
enum Demo {
    /// Where gateway.d's upstreams have their targets.
    private static let ports: [UInt16] = [9001, 9002, 9003]

    /// Starts the upstream on a thread of its own, then prints the lines. What is wrong is complained about; the
    /// gateway serves all the same.
    static func start(gateway: Gateway, folder: String, _ console: Console) {
        for port in ports {
            let endpoint = IPEndpoint(address: IPAddress(ipv4: 0x7f00_0001), port: port)
            do throws(Errno) {
                try DemoUpstream.start(at: endpoint)
            } catch {
                console.complain("portcullis: the demo upstream can't listen on \(endpoint): \(error)\n")
            }
        }
        var endpoints = gateway.endpoints
        endpoints["admin"] = gateway.blueprint.configuration.admin?.address.value
        // The lines are for other terminals, which may be anywhere.
        console.print(
            DemoScript.text(
                endpoints: endpoints, program: programPath() ?? "portcullis", folder: realPath(folder) ?? folder))
    }
}
