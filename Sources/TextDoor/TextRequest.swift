/// The text protocols of FIFO and datagram doors.
public enum Dialect: Sendable {
    /// SER's: each command has its own arguments and its own reply.
    case ser
    /// OpenSER's management interface: a list of values, and a tree as reply.
    case mi
    /// That of Kamailio's module ctl: a value a line, in the request and in the reply.
    case ctl
}

/// What somebody asks for by a text door.
public struct TextRequest: Equatable, Sendable {
    /// As it was written.
    public let name: [UInt8]
    /// Where the reply goes; nil: nobody reads it.
    public let replyFile: String?
    public internal(set) var arguments: [[UInt8]] = []

    public init(name: [UInt8], replyFile: String? = nil, arguments: [[UInt8]] = []) {
        self.name = name
        self.replyFile = replyFile
        self.arguments = arguments
    }
}

/// A part of a command's arguments in SER's text, by the word that declares it.
public enum ArgumentPart: String, Sendable {
    /// One line; an empty one ends the request.
    case line
    /// One line that may be empty.
    case blank
    /// Lines up to an empty one or a dot, each ended by CR and LF.
    case lines
    /// Lines up to a dot, each ended by CR and LF.
    case body
    /// The same; an empty line in its place ends the request.
    case optionalBody = "body?"
    /// All lines up to an empty one, each an argument.
    case rest

    /// Reads a declaration: `line line lines body`.
    /// - Returns: nil when it is none.
    public static func parse(_ shape: String) -> [ArgumentPart]? {
        var parts: [ArgumentPart] = []
        for word in shape.split(separator: " ") {
            guard let part = ArgumentPart(rawValue: String(word)) else { return nil }
            parts.append(part)
        }
        return parts
    }
}
