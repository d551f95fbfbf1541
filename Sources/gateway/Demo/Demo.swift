import Proxy
enum Demo { static func start(gateway: Gateway, _ console: Console) {} }
