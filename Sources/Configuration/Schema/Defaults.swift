import Base

/// What holds when nobody says otherwise. The reference page prints these.
enum Defaults {
    static let connectionsMax = 65_536
    static let connectionsPerListenerMax = 65_536
    static let connectionsPerClientMax = 16_384
    static let requestsPerConnectionMax = 100_000
    static let headerBytesMax = 32 << 10
    static let headerCountMax = 100
    static let targetBytesMax = 8 << 10
    static let bodyBytesMax = 10 << 20

    static let headerRead = TimeAmount.seconds(10)
    static let bodyIdle = TimeAmount.seconds(30)
    static let keepAliveIdle = TimeAmount.seconds(75)
    static let writeIdle = TimeAmount.seconds(30)
    static let drain = TimeAmount.seconds(30)

    static let connect = TimeAmount.seconds(2)
    static let request = TimeAmount.seconds(60)
    static let responseHeader = TimeAmount.seconds(30)
    static let idle = TimeAmount.seconds(60)

    static let poolConnectionsMax = 256
    static let poolIdleTimeout = TimeAmount.seconds(30)
    static let poolRequestsMax = 100_000
    static let upstreamConnectionsMax = 10_000

    static let connectFailuresMax = 1
    static let staleConnectionRetry = true
    static let attemptsMax = 1
    static let retryConditions: [RetryCondition] = [
        .connectFailure, .reset, .timeout, .status502, .status503, .status504,
    ]
    static var retryConditionsText: String { retryConditions.map(\.rawValue).joined(separator: ", ") }
    /// The idempotent ones of RFC 9110 section 9.2.2.
    static let retryMethods = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]
    static let backoffBase = TimeAmount.milliseconds(25)
    static let backoffMax = TimeAmount.milliseconds(250)
    static let retryBodyBytesMax = 64 << 10
    static let retryAfterMax = TimeAmount.seconds(1)
    static let retryBudgetPercent = 20
    static let retryBudgetPerSecondMin = 10
    static let concurrencyWaitMax = TimeAmount.seconds(1)

    static let panicThreshold = 0
    static let breakerFailures = 5
    static let breakerSlowTime = TimeAmount.seconds(5)
    static let breakerWindow = TimeAmount.seconds(10)
    static let breakerVolumeMin = 20
    static let breakerOpenTime = TimeAmount.seconds(10)
    static let breakerOpenGrowth = 2
    static let breakerOpenTimeMax = TimeAmount.seconds(300)
    static let breakerJitter = 10
    static let breakerProbes = 3
    static let breakerEjectedMax = 50
    static let fallbackStatus = 200
    static let checkPath = "/"
    static let checkInterval = TimeAmount.seconds(5)
    static let checkJitter = 10
    static let checkTimeout = TimeAmount.seconds(2)
    static let checkHealthyThreshold = 2
    static let checkUnhealthyThreshold = 3

    static let flushInterval = TimeAmount.milliseconds(200)
    static let nameRefresh = TimeAmount.seconds(30)
    static let nameTimeout = TimeAmount.seconds(5)
    static let serverHeader = "portcullis"
    static let redirectStatus = 308
    static let contentType = "text/plain; charset=utf-8"
    static let editedBodyBytesMax = 64 << 10
    /// The most that may be configured instead.
    static let editedBodyBytesLimit = 1 << 20

    static let tokenAlgorithms: [TokenAlgorithm] = [.rs256, .es256]
    static let tokenTypes = ["jwt", "at+jwt"]
    static let clockSkew = TimeAmount.seconds(60)
    static let keyRefreshMin = TimeAmount.seconds(60)
    static let keyRefreshMax = TimeAmount.seconds(3_600)
    static let keyFetchTimeout = TimeAmount.seconds(5)
    static let unknownKeyCooldown = TimeAmount.seconds(30)
    static let publishBeforeSigning = TimeAmount.seconds(300)
    static let internalTokenLifetimeMax = TimeAmount.seconds(300)
    static let internalTokenLifetime = TimeAmount.seconds(60)
    static let keySetPath = "/.well-known/jwks.json"
    static let bundlePath = "/.well-known/spiffe-bundle.json"
    static let realm = "portcullis"

    static let storePrefix = "portcullis:"
    static let storeConnectTimeout = TimeAmount.seconds(1)
    static let storeTimeout = TimeAmount.milliseconds(50)
    static let storeWaitingMax = 4_096
    static let storeFailures = 5
    static let storeOpenTime = TimeAmount.seconds(1)
    static let storeOpenTimeMax = TimeAmount.seconds(10)

    static let rateLimitIPv6Prefix = 64
    static let rateLimitKeysMax = 100_000
}
