import Base

extension ValueDecoder where Value == CIDRBlock {
    static var network: ValueDecoder {
        scalar(.text("an IP address or a network such as `10.0.0.0/8` or `2001:db8::/32`")) { text throws(Unfit) in
            do throws(CIDRError) {
                return try CIDRBlock(text: text)
            } catch {
                guard case .hostBitsSet(let network) = error else { throw Unfit() }
                throw Unfit(suggestion: "the network of this address is `\(network)`")
            }
        }
    }
}

extension ValueDecoder where Value == IPEndpoint {
    static var socketAddress: ValueDecoder {
        scalar(.text("an IP address and a port such as `0.0.0.0:8080` or `[::]:8080`")) { text throws(Unfit) in
            if let address = IPEndpoint(text: text) { return address }
            if text.decimalValue() != nil { throw Unfit(suggestion: "did you mean `0.0.0.0:\(text.string)`?") }
            if text.count > 1, text[0] == ASCII.colon {
                throw Unfit(suggestion: "did you mean `0.0.0.0\(text.string)`?")
            }
            if text.hasPrefix(ByteView("localhost:")) {
                throw Unfit(suggestion: "did you mean `127.0.0.1\(text.from(9).string)`?")
            }
            throw Unfit()
        }
    }
}
