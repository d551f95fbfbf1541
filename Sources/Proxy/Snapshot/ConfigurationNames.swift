import Configuration

// The configuration's names for things that have a name of their own elsewhere. This file imports nothing but
// `Configuration`, so that none of them is ambiguous here.

typealias ConfiguredBalancer = Balancer
typealias ConfiguredHostPattern = HostPattern
typealias ConfiguredRoute = Route
typealias ConfiguredUpstream = Upstream
typealias ConfiguredTarget = Target
typealias ConfiguredHashKey = HashKey
typealias ConfiguredIssuer = Issuer
typealias ConfiguredClaimPath = ClaimPath
typealias ConfiguredClaimCondition = ClaimCondition
typealias ConfiguredTokenSource = TokenSource
typealias ConfiguredTokenProfile = InternalTokenProfile
