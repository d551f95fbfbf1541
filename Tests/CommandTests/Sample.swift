/// A small configuration that has a bit of everything.
enum Sample {
    static func folder() throws -> TemporaryFolder {
        try TemporaryFolder(["gateway.yaml": gateway, "app.yaml": app])
    }

    static let gateway = """
        listeners:
          outer: {address: "127.0.0.1:8080"}
          inner: {address: "127.0.0.1:8081", limits: {header_count_max: 10}}
        defaults:
          timeouts: {request: 20s}
        domains:
          app: {hosts: [app.test, "*.app.test"], listeners: [outer]}
          ops: {hosts: [ops.test], listeners: [inner]}
        """

    static let app = """
        domain: app
        upstreams:
          accounts:
            targets: ["http://127.0.0.1:9001", {url: "http://127.0.0.1:9002", weight: 3}]
        plugins:
          response_transform: {headers: {remove: [X-Powered-By]}}
        routes:
          read:
            match: {methods: [GET], path: "/accounts/{id}"}
            upstream: accounts
            rewrite: {path: "/v2/{id}"}
            timeouts: {request: 7s}
            plugins:
              request_transform: {headers: {set: {X-Account: "{path.id}", X-Key: "${env:PATH}"}}}
          any:
            match: {prefix: /accounts}
            upstream: accounts
          write:
            match: {methods: [PUT], path: "/accounts/{id}/{part}"}
            upstream: accounts
            limits: {body_bytes_max: 1KiB}
          canary:
            match: {path: /flag, headers: {X-Canary: "yes"}, query: {a: "1"}}
            upstream: accounts
          old:
            match: {prefix: /old}
            redirect: {scheme: https, host: new.test}
          local:
            match: {path: /local, listeners: [outer]}
            respond: {status: 204}
            plugins:
              ip_restriction: {allow: [10.0.0.0/8]}
        """
}
