/// What `explain` says about the sample, word for word.
enum ExplainGolden {
    static let proxied = """
        GET http://app.test:8080/x/../accounts/%37?q=1#top

        listener       outer (127.0.0.1:8080)
        host           app.test
        path           /accounts/7             canonical: what is matched and sent on
        query          q=1
        route          app/read                DIR/app.yaml:8:3
        parameter      id = 7
        upstream       accounts                DIR/app.yaml:10:15
        upstream path  /v2/7                   rewritten

        why not the others
          app/any     matches too, but `app/read` is more specific at segment 2 of the path  DIR/app.yaml:15:3
          app/write   the path ends before it has all segments of /accounts/{id}/{part}      DIR/app.yaml:18:3
          app/canary  segment 1 of the path, `accounts`, is not that of /flag                DIR/app.yaml:22:3
          app/old     segment 1 of the path, `accounts`, is not that of /old (prefix)        DIR/app.yaml:25:3
          app/local   segment 1 of the path, `accounts`, is not that of /local               DIR/app.yaml:28:3

        pipeline
           1 accept the connection                          on
               limits.connections_max                       65536                            built in
               limits.connections_per_client_max            16384                            built in
               listener.limits.connections_max              65536                            built in
               listener.limits.requests_per_connection_max  100000                           built in
               listener.timeouts.keep_alive_idle            75s                              built in
               listener.timeouts.write_idle                 30s                              built in
           2 parse one request                              on
               listener.limits.header_bytes_max             32KiB                            built in
               listener.limits.header_count_max             100                              built in
               listener.limits.target_bytes_max             8KiB                             built in
               listener.timeouts.header_read                10s                              built in
           3 canonical path                                 on
               allow_encoded_slash                          false                            built in
           4 strip identity and hop-by-hop headers          on
           5 request id, forwarding headers, trace context  on
               forwarding.x_forwarded                       true                             built in
               forwarding.forwarded                         false                            built in
               forwarding.request_id                        true                             built in
               forwarding.trace_context                     true                             built in
           6 route                                          on
               route                                        app/read                         DIR/app.yaml:8:3
           7 request limits                                 on
               limits.body_bytes_max                        10MiB                            built in
               listener.timeouts.body_idle                  30s                              built in
           8 ip_restriction                                 off
           9 rate_limit                                     off
          10 jwt                                            off
          11 spiffe, tenant boundary                        off
          12 rate_limit by identity                         off
          13 answer without an upstream                     off
          14 rewrite path and host                          on
               rewrite.path                                 /v2/{id}                         DIR/app.yaml:11:21
          15 request_transform                              on
               headers.set X-Account                        {path.id} -> 7                   DIR/app.yaml:14:54
               headers.set X-Key                            ********                         DIR/app.yaml:14:74
               on_missing                                   drop                             built in
          16 concurrency                                    off
          17 internal_jwt                                   off
          18 circuit_breaker                                off
          19 pick a target                                  on
               upstream                                     app/accounts                     DIR/app.yaml:3:3
               balancer                                     round_robin                      built in
               target                                       http://127.0.0.1:9001, weight 1  DIR/app.yaml:4:15
               target                                       http://127.0.0.1:9002, weight 3  DIR/app.yaml:4:40
               connections_max                              10000                            built in
          20 proxy, with time-outs                          on
               host_header                                  preserve                         built in
               timeouts.connect                             2s                               built in
               timeouts.request                             7s                               DIR/app.yaml:12:25
               timeouts.response_header                     30s                              built in
               timeouts.idle                                1m                               built in
               keep_alive.connections_max                   256                              built in
               keep_alive.idle_timeout                      30s                              built in
               keep_alive.requests_max                      100000                           built in
          21 retry                                          on
               retries.connect_failures_max                 1                                built in
               retries.stale_connection                     true                             built in
          22 response_transform                             on
               headers.remove                               X-Powered-By                     DIR/app.yaml:6:43
          23 access log and metrics                         on
               access_log.enabled                           true                             built in

        """
}
