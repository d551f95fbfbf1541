import Admin
import Base
import Configuration
import EventLoop
import Linux
import Observability
import Proxy

/// `portcullis run DIR`: loads the configuration, serves, and obeys signals until told to end.
enum RunCommand {
    /// - Returns: the exit status: 0 after a drain, 1 when the configuration can't be served.
    static func run(folder: String, demo: ((Gateway) -> Void)? = nil) -> Int32 {
        let startTime = WallTime(nanoseconds: SystemClock.wallNanoseconds())
        do throws(Errno) {
            // Signals are blocked before any thread starts, so that only the control thread gets them.
            let signals = try SignalQueue()
            ProcessResources.keepFreedMemory()
            let descriptorLimit = ProcessResources.raiseOpenFileLimit()
            let loader = ConfigurationLoader(source: .fileSystem(folder: folder))
            let checked = ConfigurationCheck.load(with: loader)
            guard let blueprint = checked.blueprint else {
                report(checked)
                return 1
            }
            let process = try ServerProcess(
                blueprint, loader: loader, signals: signals, startTime: startTime)
            process.warnOf(checked, descriptorLimit: descriptorLimit)
            guard process.start(checked) else { return 1 }
            if let demo { demo(process.gateway) }
            return process.serve()
        } catch {
            standardError("portcullis: can't start: \(error)\n")
            return 1
        }
    }

    private static func report(_ checked: CheckedConfiguration) {
        standardError(checked.renderer.text(checked.findings))
    }

    static func standardError(_ text: String) {
        text.withByteView { bytes in _ = try? Linux.write(to: 2, bytes.raw) }
    }
}
