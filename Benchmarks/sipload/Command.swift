import CLinux
@preconcurrency import Glibc

/// `sipload`: makes SIP traffic for a server, checks every answer, and measures what the server's processes spend on it.
enum Command {
    static let usage = """
        usage: sipload options-reply     --to ADDRESS:PORT [option]...
               sipload stateless-forward --to ADDRESS:PORT --uas ADDRESS:PORT [option]...
               sipload stateful-relay    --to ADDRESS:PORT --uas ADDRESS:PORT [option]...
               sipload call              --to ADDRESS:PORT --uas ADDRESS:PORT [option]...
               sipload ringing           --to ADDRESS:PORT --uas ADDRESS:PORT [option]...
               sipload media-call        --to ADDRESS:PORT --uas ADDRESS:PORT [option]...
               sipload register          --to ADDRESS:PORT [option]...
               sipload register-auth     --to ADDRESS:PORT [option]...
               sipload lookup-and-relay  --to ADDRESS:PORT --uas ADDRESS:PORT [option]...
               sipload bare SCENARIO     --listen ADDRESS:PORT [--uas ADDRESS:PORT] [--core N] [--batch N]

        options-reply      OPTIONS requests; the server answers 200 itself
        stateless-forward  INVITE requests; the server forwards them to --uas, where this program answers 200
        stateful-relay     MESSAGE requests, forwarded likewise; the server keeps a transaction of each
        call               INVITE, 180, 200, ACK, BYE, 200 through the server, which records its route; a transaction is a whole call
        media-call         the same with a session description in the 200 to the INVITE, which comes back as it was sent
        ringing            INVITE and 180 through the server; nobody ever answers, and the server keeps what it keeps meanwhile
        register           REGISTER requests, each refreshing one of --users bindings; all users register before
        register-auth      the same with digest credentials: the password of all is `secret`
        lookup-and-relay   MESSAGE requests to users, who have registered --uas; the server keeps a transaction of each
        bare               takes the server's place: moves the same datagrams and looks into none

          --window N       transactions under way at a time (64)
          --rate N         start N transactions a second instead of one as soon as another has ended
          --seconds N      how long is measured (4)
          --warm-up N      seconds of the same traffic before (1)
          --pid N          the server: count the processor time of this process and its descendants
          --counters FILE  the server runs under Benchmarks/counter.c with this file: count allocations, retains, releases
          --users N        how many users there are (10000)
          --peers N        requests go to that many addresses in turn, 127.1.100.100 and so on: the port of --uas at each (1)
          --core N         run on this processor only
          --batch N        datagrams a system call (32)
          --against-bare   the peer is `sipload bare`

        Prints one line of KEY=VALUE. Times are microseconds: p50 and p99 from a request (of a call: the INVITE) to its final answer,
        user, system and total of processor time per transaction. Ends with 0 when every answer was
        right, 1 when the arguments were wrong, 2 when answers were wrong, lost or absent.

        """

    static func run(_ arguments: [String]) -> Int32 {
        if arguments.contains("--help") || arguments.contains("-h") {
            print(usage, terminator: "")
            return 0
        }
        do {
            let options = try Options(arguments)
            if let core = options.core, linux_pin_thread(Int32(core)) != 0 {
                throw UsageError("cannot run on processor \(core)")
            }
            if options.isBare { return try Bare.run(options) }
            var generator = try Generator(options)
            let result = try generator.run()
            print(result.line)
            return result.isGood ? 0 : 2
        } catch {
            complain((error as? UsageError)?.text ?? "\(error)")
            return 1
        }
    }
}

/// What is wrong with the arguments, or what the system refused.
struct UsageError: Error {
    let text: String
    init(_ text: String) { self.text = text }
}

func complain(_ text: String) { fputs("sipload: \(text)\n", stderr) }
