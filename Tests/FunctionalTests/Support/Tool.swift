/// What a tool that has ended left behind.
struct ToolResult: Sendable {
    let status: ExitStatus
    let output: String
    let errors: String

    var succeeded: Bool { status == .exited(0) }
}

/// Runs a tool (sipp, sipsak, gcc, …) to its end and returns what it said; an error when it is missing or exceeds the limit.
func run(
    _ program: String, _ arguments: [String] = [], within limit: Duration = .seconds(60),
    environment: [String: String] = [:], folder: String? = nil
) throws -> ToolResult {
    let child = try Child(program, arguments, environment: environment, folder: folder)
    guard let status = child.wait(within: limit) else {
        throw HarnessError(
            "\(program) still runs after \(limit); it said:\n\(child.output.suffix(2000))\n\(child.errors.suffix(2000))"
        )
    }
    return ToolResult(status: status, output: child.output, errors: child.errors)
}
