import Testing

@testable import apusctl

@Suite struct SettingsTests {
    @Test func aFileOfTheShellIsReadNotExecuted() {
        let (values, complaints) = RCFile.parse(
            """
            ## comment
            SIP_DOMAIN=example.org
              export PID_FILE="/run/my apus.pid"   # behind
            STARTOPTIONS='-f /etc/a b.cfg -L "$x"'
            EMPTY=
            A=one\\ word; B=lost
            X=$(rm -rf /)
            Y=`date`
            Z="open
            echo hello
            CRLF=value\r
            LAST=1
            """)
        #expect(
            values == [
                "SIP_DOMAIN": "example.org", "PID_FILE": "/run/my apus.pid",
                "STARTOPTIONS": "-f /etc/a b.cfg -L \"$x\"",
                "EMPTY": "", "A": "one word", "CRLF": "value", "LAST": "1",
            ])
        #expect(
            complaints == [
                "7: X: no variables, commands or open quotes here; the line is ignored",
                "8: Y: no variables, commands or open quotes here; the line is ignored",
                "9: Z: no variables, commands or open quotes here; the line is ignored",
                "10: this is not NAME=value, and is ignored",
            ])
    }

    @Test func theEnvironmentWins() {
        let settings = Settings(environment: ["A": "e", "C": ""], file: ["A": "f", "B": "f", "C": "f", "OLD": "o"])
        #expect(settings["A"] == "e")
        #expect(settings["B"] == "f")
        #expect(settings["C"] == "f")
        #expect(settings["D"] == nil)
        #expect(settings["NEW", "OLD"] == "o")
    }

    @Test func startOptionsAreWords() {
        #expect(Lifecycle.words(" -f '/a b' --x=\"\"  \"\" ") == ["-f", "/a b", "--x=", ""])
        #expect(Lifecycle.words("") == [])
        #expect(Lifecycle.words("'a") == nil)
    }
}
