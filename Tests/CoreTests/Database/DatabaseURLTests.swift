import PluginAPI
import Testing

@testable import Core

@Suite struct DatabaseURLTests {
    private func parts(_ text: String) throws -> [String] {
        let url = try DatabaseURL(Array(text.utf8))
        return url.withDriverURL { url in
            let url = url.pointee
            return [url.scheme, url.user, url.password, url.host, url.name, url.rest, url.masked].map(\.string)
                + ["\(url.port)"]
        }
    }

    @Test func partsOfUrls() throws {
        #expect(
            try parts("MySQL://kamailio:kama%40rw@[2001:db8::1]:3306/sip") == [
                "mysql", "kamailio", "kama@rw", "2001:db8::1", "sip", "kamailio:kama%40rw@[2001:db8::1]:3306/sip",
                "mysql://kamailio:***@[2001:db8::1]:3306/sip", "3306",
            ])
        #expect(
            try parts("postgres://localhost/sip?password=secret") == [
                "postgres", "", "", "localhost", "sip?password=secret", "localhost/sip?password=secret",
                "postgres://localhost/sip", "0",
            ])
        #expect(
            try parts("sqlite:////var/lib/apus/apus.db") == [
                "sqlite", "", "", "", "//var/lib/apus/apus.db".replacing("//", with: "/"), "//var/lib/apus/apus.db",
                "sqlite:////var/lib/apus/apus.db", "0",
            ])
        #expect(try parts("sqlite") == ["sqlite", "", "", "", "", "", "sqlite", "0"])
    }

    /// An @ in a password that is not escaped stands before the last one.
    @Test func passwordsAreNeverShown() throws {
        #expect(try DatabaseURL(Array("my://u:p@ss:w@host/n".utf8)).masked == "my://u:***@host/n")
        for text in ["my://u:top/secret@host/n", "://u:secret@h/n", "secret word", "my:secret", "my://h/%zzsecret"] {
            do {
                let url = try DatabaseURL(Array(text.utf8))
                Issue.record("\(url.masked) is a url")
            } catch {
                #expect(!error.text.contains("secret"))
            }
        }
    }

    @Test func aUrlThatNoModuleReadsIsTold() throws {
        let databases = Databases(Statistics())
        let host = UnsafePointer<apus_host>(bitPattern: 16)!
        func mistake(_ text: String) -> String? {
            do throws(Databases.Mistake) {
                _ = try databases.open(Array(text.utf8), owner: ("test", host), DatabasePool.Limits())
                return nil
            } catch {
                return error.text
            }
        }
        #expect(
            mistake("mysql://u:p@h/n")
                == "no loaded module reads mysql:// databases: load `db_mysql.so`, or whichever does")
        #expect(
            mistake("")
                == "there is no database url, and no module of a database is loaded (db_sqlite.so, for one)")
    }
}
