import Glibc

/// A password that nobody else sees: asked for without echo, read from standard input, or from the environment.
enum Password {
    /// - Parameters:
    ///   - word: what the command line says: `-` stands for a line of standard input, nil for `PW` or a question.
    ///   - question: for whom it is.
    static func read(_ word: String?, for question: String, _ settings: Settings) throws(Failure) -> String {
        var password = word ?? settings["PW"] ?? ""
        if word == "-" {
            password = readLine(strippingNewline: true) ?? ""
        } else if word == nil, password.isEmpty {
            password = try ask("Password of \(question): ")
        }
        if password.isEmpty { throw .usage("an empty password is none") }
        return password
    }

    /// From the terminal, not from standard input: that may be something else.
    private static func ask(_ prompt: String) throws(Failure) -> String {
        // getpass falls back to standard input.
        let terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard terminal >= 0 else {
            throw .usage("there is no terminal to ask for a password: `-` reads it from standard input, PW has it, too")
        }
        close(terminal)
        guard let line = getpass(prompt) else { throw .refused("the terminal: \(systemError())") }
        return String(cString: line)
    }
}
