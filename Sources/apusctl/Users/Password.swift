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
        guard let terminal = fopen("/dev/tty", "r+e") else {
            throw .usage("there is no terminal to ask for a password: `-` reads it from standard input, PW has it, too")
        }
        defer { fclose(terminal) }
        let descriptor = fileno(terminal)
        var before = termios()
        guard tcgetattr(descriptor, &before) == 0 else { throw .refused("the terminal: \(systemError())") }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        fputs(prompt, terminal)
        fflush(terminal)
        tcsetattr(descriptor, TCSAFLUSH, &silent)
        defer {
            tcsetattr(descriptor, TCSAFLUSH, &before)
            fputs("\n", terminal)
        }
        var line = [CChar](repeating: 0, count: 1024)
        guard fgets(&line, Int32(line.count), terminal) != nil else { return "" }
        return String(
            decoding: line.prefix { $0 != 0 && $0 != 10 && $0 != 13 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
