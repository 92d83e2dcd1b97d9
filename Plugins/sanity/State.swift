import PluginKit

// Invariants: there is one State, allocated when the module is loaded and never freed. It is written on the main thread, while the module
// declares itself and starts, and only read by workers.

/// What the module keeps for the life of the server.
struct State {
    var settings = Settings()
    /// sl's interface; there once the server has started.
    var sl: UnsafePointer<sl_api>?
    /// Message slot: the `Fault` of the last check that has failed, as the pointer's bits.
    var lastFault: CInt = -1
    /// Id of the counter of requests that ask for an extension of the proxy that it does not have.
    var proxyRequireFailures: UInt32 = 0
}

/// The parameters.
struct Settings {
    var checks: Int64 = 0
    var uris: Int64 = 0
    var supported = apus_str()
    var dropsByItself: Int64 = 0
    var isSilent: Int64 = 0
    var alwaysChecksSizes: Int64 = 0
    var sizes = Sizes()

    /// Limits in bytes; 0: none.
    struct Sizes {
        var message: Int64 = 0
        var method: Int64 = 0
        var requestURI: Int64 = 0
        var fromURI: Int64 = 0
        var toURI: Int64 = 0
        var contactURI: Int64 = 0
        var routeURI: Int64 = 0
        var pathURI: Int64 = 0
        var identityURI: Int64 = 0
        var header: Int64 = 0
        var headers: Int64 = 0
        var body: Int64 = 0
    }
}

extension UnsafePointer<apus_call> {
    var state: UnsafeMutablePointer<State> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    }
}

func declareParameters(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let switches: [Parameter<Settings>] = [
        .number(
            "default_checks", \.checks, 3047, Checks.range,
            doc: "Checks of sanity_check without an argument: the sum of their numbers."),
        .number(
            "uri_checks", \.uris, 7, Checks.uriRange,
            doc: "URIs that are to be well-formed: 1 Request-URI, 2 From, 4 To, 8 Contact; their sum."),
        .text(
            "proxy_require", \.supported, doc: "Extensions that Proxy-Require may ask for, with commas between them."),
        .flag("autodrop", \.dropsByItself, 1, doc: "1: a check that fails ends the script; 0: the function is false."),
        .flag("noreply", \.isSilent, 0, doc: "1: no reply is sent before sanity_reply does."),
        .flag("size_checks", \.alwaysChecksSizes, 0, doc: "1: sizes are checked by every sanity_check."),
    ]
    let limits: [(StaticString, WritableKeyPath<Settings, Int64>, Int64, StaticString)] = [
        ("size_message", \.sizes.message, 16384, "Largest message in bytes; 0: any."),
        ("size_method", \.sizes.method, 32, "Longest method in bytes; 0: any."),
        ("size_ruri", \.sizes.requestURI, 256, "Longest Request-URI in bytes; 0: any."),
        ("size_from_uri", \.sizes.fromURI, 256, "Longest URI in From in bytes; 0: any."),
        ("size_to_uri", \.sizes.toURI, 256, "Longest URI in To in bytes; 0: any."),
        ("size_contact_uri", \.sizes.contactURI, 256, "Longest URI in Contact in bytes; 0: any."),
        ("size_route_uri", \.sizes.routeURI, 256, "Longest URI in Route and Record-Route in bytes; 0: any."),
        ("size_path_uri", \.sizes.pathURI, 256, "Longest URI in Path in bytes; 0: any."),
        ("size_pai_uri", \.sizes.identityURI, 256, "Longest URI in P-Asserted-Identity in bytes; 0: any."),
        ("size_header", \.sizes.header, 2048, "Longest header in bytes, with its name and line end; 0: any."),
        ("size_headers", \.sizes.headers, 8192, "All headers in bytes; 0: any."),
        ("size_body", \.sizes.body, 8192, "Largest body in bytes; 0: any."),
    ]
    let settings = state.pointer(to: \.settings).unsafelyUnwrapped
    host.declare(switches + limits.map { .number($0.0, $0.1, $0.2, 0...65535, doc: $0.3) }, in: settings)
}
