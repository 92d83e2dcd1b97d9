/// Executes statements on a database file, beside the server.
/// - Returns: what the program sqlite3 prints.
@discardableResult
func sqlite(_ file: String, _ sql: String) throws -> String {
    let result = try run("sqlite3", ["-cmd", ".timeout 5000", file, sql])
    guard result.succeeded else { throw HarnessError("sqlite3: \(result.output)\(result.errors)") }
    return result.output
}
