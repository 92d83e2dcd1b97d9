// Invariants: texts and branches lie in the message's arena, or in memory of the caller that lives as long.

/// What is decided about a message while it is routed, and where it came from. Plain data, written by the transport (the addresses
/// and the time), by scripts and modules (the rest). To keep a state of it and go back, see
/// `Message.routingSnapshot`.
struct Routing {
    /// Where the message came from and the address of ours that it came to.
    var source: SocketAddress
    var destination: SocketAddress
    /// The listener that received the message: a type of the Transport room.
    var receivedOn: UnsafeMutableRawPointer?
    /// The connection of a stream transport that the message came over; 0 for datagrams.
    var connection: UInt64
    /// Nanoseconds since 1970 when the message was read.
    var receivedTime: Int64
    /// Counts the messages of a worker (`$mi`).
    var number: UInt32

    /// The request's own destination. Its URI replaces the received Request-URI, or is empty, and its next hop is `$du`: both are set by
    /// `setRequestURI`, `setDestinationURI` and `setCurrent` of the message only, which keep the cache right.
    var current: Branch
    /// The Request-URI with its next hop is still to be sent to: not yet, or changed since. What makes a branch of it, or sends it, says
    /// that it is not.
    var isNew: Bool
    /// Message flags (`setflag`).
    var flags: UInt32
    var options: Options
    /// Stand in our Via and Record-Route instead of the listener's (`set_advertised_address`).
    var advertisedAddress: Bytes?
    var advertisedPort: UInt16
    /// The same in our Via alone, and further parameters of it with their semicolons.
    var viaHost: Bytes?
    var viaPort: UInt16
    var viaParams: Bytes
    /// Further parameters of the topmost Via in replies: those made for the request, or the reply as it is passed on.
    var replyViaParams: Bytes
    /// Extended flags (`setxflag`).
    var xflags: UInt64
    /// The value of the header whose credentials were found to be right; nil: none were.
    var authorized: Bytes?

    /// The last processing error, for `sl_reply_error`: 0 when there was none.
    var errorCode: Int32
    var errorReason: Bytes

    /// Destinations beside the Request-URI: see `Message+Branches.swift`.
    var branches: UnsafeMutablePointer<Branch>?
    var branchCount: UInt8
    /// Branches that `branches` has room for.
    var branchCapacity: UInt8
    /// The branch that a script puts together piece by piece (`$sbranch`); nil while it is empty.
    var preparedBranch: UnsafeMutablePointer<Branch>?
    /// Header lines for every reply that this server makes for the request, newest first.
    var replyLines: UnsafeMutablePointer<ReplyLines>?
    /// The body of those replies that have none of their own, and its Content-Type; empty: none.
    var replyBody: Bytes
    var replyBodyType: Bytes

    struct Options: OptionSet {
        let rawValue: UInt32
        @inline(__always)
        init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Answer to the source port whether the Via asks for it or not (`force_rport`, RFC 3581).
        static var forceRport: Options { Options(rawValue: 1) }
        /// Put `rport` into our Via (`add_local_rport`).
        static var addLocalRport: Options { Options(rawValue: 2) }
        /// Nobody may answer this message any more: it has been answered, or must not be.
        static var noReply: Options { Options(rawValue: 4) }
        /// Put `alias` into our Via of stream transports (RFC 5923).
        static var addViaAlias: Options { Options(rawValue: 8) }
        /// Send to the source of the connection that the message came over (`set_forward_no_connect`, `set_reply_no_connect`).
        static var forwardNoConnect: Options { Options(rawValue: 16) }
        static var replyNoConnect: Options { Options(rawValue: 32) }
        /// Close the connection once the message, or the reply to it, is sent (`set_forward_close`, `set_reply_close`).
        static var forwardClose: Options { Options(rawValue: 64) }
        static var replyClose: Options { Options(rawValue: 128) }
        /// Made up by the server: no peer sent it and no reply leaves for it.
        static var faked: Options { Options(rawValue: 256) }
        /// A final reply of the server's own has left, without a transaction.
        static var replied: Options { Options(rawValue: 512) }
        /// What a request takes that is too large for UDP (`udp_mtu_try_proto`); none: what the config says.
        static var largeOverTCP: Options { Options(rawValue: 1024) }
        static var largeOverTLS: Options { Options(rawValue: 2048) }
        static var largeOverSCTP: Options { Options(rawValue: 4096) }
        static var largeOverUDP: Options { Options(rawValue: 8192) }
    }

    /// Nothing is known and nothing decided.
    @inline(__always)
    init() {
        source = SocketAddress()
        destination = SocketAddress()
        receivedOn = nil
        connection = 0
        receivedTime = 0
        number = 0
        current = Branch(uri: .empty)
        isNew = true
        flags = 0
        options = Options(rawValue: 0)
        advertisedAddress = nil
        advertisedPort = 0
        viaHost = nil
        viaPort = 0
        viaParams = .empty
        replyViaParams = .empty
        xflags = 0
        authorized = nil
        errorCode = 0
        errorReason = .empty
        branches = nil
        branchCount = 0
        branchCapacity = 0
        preparedBranch = nil
        replyLines = nil
        replyBody = .empty
        replyBodyType = .empty
    }

    /// The Request-URI that replaces the received one; nil while none does.
    @inline(__always)
    var newURI: Bytes? { current.uri.isEmpty ? nil : current.uri }
}

/// A destination of a request.
struct Branch {
    /// Becomes the branch's Request-URI.
    var uri: Bytes
    /// The next hop; nil: by the URI.
    var destination: Bytes?
    /// Route values to put in front (`append_path`, contacts with Path); nil: none.
    var path: Bytes?
    /// Preference in thousandths, 0 to 1000; -1 for none.
    var q: Int16
    /// Branch flags (`setbflag`).
    var flags: UInt32
    /// The listener that the script chose to send through; nil: by destination.
    var sendThrough: UnsafeMutableRawPointer?
    /// Of the contact that `lookup` chose.
    var instance: Bytes?
    var ruid: Bytes?
    var locationUserAgent: Bytes?

    @inline(__always)
    init(uri: Bytes) {
        self.uri = uri
        destination = nil
        path = nil
        q = -1
        flags = 0
        sendThrough = nil
        instance = nil
        ruid = nil
        locationUserAgent = nil
    }
}

/// A link of `Routing.replyLines`.
struct ReplyLines {
    var text: Bytes
    var previous: UnsafeMutablePointer<ReplyLines>?
}
