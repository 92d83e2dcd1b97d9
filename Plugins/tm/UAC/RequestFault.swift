import PluginKit

/// Why a request of our own cannot be sent: a status code and a sentence, which lives for ever.
struct RequestFault: Error {
    let code: Int32
    let text: StaticString

    init(_ code: Int32, _ text: StaticString) {
        self.code = code
        self.text = text
    }

    var reason: apus_str { apus_str(stringLiteral: text) }
}
