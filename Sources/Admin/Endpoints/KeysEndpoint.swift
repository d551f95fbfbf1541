import Proxy

/// `/.well-known/jwks.json` and `/.well-known/spiffe-bundle.json`: the gateway's own public keys. The paths are fixed
/// here, whatever the public ones are.
final class KeysEndpoint: LocalHandler {
    private let document: KeyDocument
    private let gateway: Gateway

    init(_ document: KeyDocument, gateway: Gateway) {
        self.document = document
        self.gateway = gateway
    }

    func respond(to request: LocalRequest) -> LocalAnswer {
        guard let state = gateway.signingState else {
            return .text("the gateway issues no tokens: gateway.yaml has no internal_tokens\n", status: 404)
        }
        return LocalAnswer(
            contentType: document.mediaType.description, body: Array(state.text(of: document).utf8),
            cacheControl: state.cacheControl)
    }
}
