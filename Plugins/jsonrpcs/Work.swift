import DoorKit
import JSON
import PluginKit

// Invariants: on the management thread. The work of a peer is its `user`, which keeps a reference from `begin` until `finish` or `end`.

/// One text that came in, a request or a batch of them, on its way to its response: the requests are executed one after the other.
class Work: Exchange {
    /// Requests in a batch.
    static let maxBatch = 1000

    private var rest: ArraySlice<JSONValue> = []
    private var isBatch = false
    private var responses: [[UInt8]] = []
    private var current: Request?
    /// A response that is sent in parts.
    private var long: LongResponse?
    /// The first one that a request names.
    private(set) var replyName: String?

    /// Begins with the text. Every text gets a response, but notifications.
    func begin(_ text: UnsafeBufferPointer<UInt8>, _ options: Options) {
        self.options = options
        let value: JSONValue
        do throws(JSONFault) { value = try JSONReader.read(text) } catch {
            let text = "\(error.text), at byte \(error.offset)"
            return finish(Response.fault(RPCFault.parse, Array(text.utf8), id: .null), code: RPCFault.parse, text)
        }
        guard case .array(let values) = value else {
            rest = [value]
            return goOn()
        }
        guard !values.isEmpty, values.count <= Work.maxBatch else {
            let text = values.isEmpty ? "the batch is empty" : "a batch has at most \(Work.maxBatch) requests"
            return finish(Response.fault(RPCFault.request, Array(text.utf8), id: .null), code: RPCFault.request, text)
        }
        isBatch = true
        rest = values[...]
        goOn()
    }

    private var options = Options(door: "jsonrpcs")
    private var lastCode: Int64 = 200
    private var lastText = "OK"

    /// The next request, or the end.
    private func goOn() {
        while let value = rest.popFirst() {
            do throws(Request.Refusal) {
                let request = try Request(value)
                if replyName == nil { replyName = request.replyName }
                current = request
                options.parts = takesParts && !isBatch && request.id != nil && request.storePath == nil
                return start(request.method, request.row, options)
            } catch {
                replyName = replyName ?? Work.replyName(of: value)
                note(error.code, error.text)
                responses.append(Response.fault(error.code, Array(error.text.utf8), id: error.id))
            }
        }
        finish(joined(), code: lastCode, lastText)
    }

    /// Of a request that is refused for something else.
    private static func replyName(of value: JSONValue) -> String? {
        if case .string(let name)? = value["reply_name"] { return String(decoding: name, as: UTF8.self) }
        return nil
    }

    private func joined() -> [UInt8]? {
        guard isBatch else { return responses.first }
        guard !responses.isEmpty else { return nil }
        var all: [UInt8] = [UInt8(ascii: "[")]
        for (index, response) in responses.enumerated() {
            if index > 0 { all.append(UInt8(ascii: ",")) }
            all.append(contentsOf: response)
        }
        all.append(UInt8(ascii: "]"))
        return all
    }

    private func note(_ code: Int64, _ text: String) { (lastCode, lastText) = (code, text) }

    override func received(_ result: Result) {
        guard let request = current else { return }
        if result.hasMore || long != nil, let id = request.id { return receivedPart(result, id) }
        current = nil
        let code = Work.code(of: result)
        note(code, code == 200 ? "OK" : result.text.string)
        if let id = request.id {
            var response =
                code == 200
                ? Response.result(result, id: id) : Response.fault(code, Array(result.text.bytes), id: id)
            if let path = request.storePath { response = store(response, path, id) }
            responses.append(response)
        }
        goOn()
    }

    private func receivedPart(_ result: Result, _ id: JSONValue) {
        var response = long ?? LongResponse(result)
        guard result.code == 200, var text = response.add(result) else { return abandon() }
        if !result.hasMore { text.append(contentsOf: response.end(id)) }
        long = response
        send(part: text, isLast: !result.hasMore)
    }

    /// Whether a long answer may come in parts: `send`.
    var takesParts: Bool { false }
    /// A part of the response; for the next one `more` is called when there is room.
    func send(part: [UInt8], isLast: Bool) {}
    /// What was sent cannot become a response: whoever waits must see that.
    func abandon() {}

    private static func code(of result: Result) -> Int64 {
        switch result.refusal {
        case APUS_RPC_UNKNOWN: RPCFault.method
        case APUS_RPC_ARGUMENTS: RPCFault.parameters
        default: Int64(result.code)
        }
    }

    /// The response goes into a file; the client is told so.
    private func store(_ response: [UInt8], _ path: String, _ id: JSONValue) -> [UInt8] {
        do throws(StoreFault) {
            let stored = try Store.write(response, path)
            return Response.result(
                .object([
                    JSONValue.Member(name: Array("stored".utf8), value: .string(stored)),
                    JSONValue.Member(name: Array("bytes".utf8), value: .int(Int64(response.count))),
                ]), id: id)
        } catch {
            note(RPCFault.server, error.text)
            return Response.fault(RPCFault.server, Array(error.text.utf8), id: id)
        }
    }

    /// It is done: the response, nil when there is none, and how the last request went.
    func finish(_ response: [UInt8]?, code: Int64, _ text: String) {}
}
