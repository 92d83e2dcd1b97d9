import PluginAPI
import Testing

@testable import Core

@Suite struct SQLTextTests {
    private func texts(_ request: apus_db_request, _ flags: Int = 0) throws -> [String] {
        func text(_ sql: SQLText) -> String { String(decoding: sql.bytes, as: UTF8.self) }
        switch try SQLText.plan(request, flags: UInt32(flags)) {
        case .one(let sql): return [text(sql)]
        case .both(let a, let b), .firstElse(let a, let b): return [text(a), text(b)]
        }
    }

    private func term(_ column: StaticString, _ comparison: Int = 0, _ number: Int64? = 1) -> apus_db_term {
        var term = apus_db_term()
        term.column = apus_str(column)
        term.comparison = UInt32(comparison)
        if let number { term.value = apus_db_number(UInt32(APUS_DB_INT), number) }
        return term
    }

    @Test func selections() throws {
        var request = Ask.empty(APUS_DB_SELECT)
        #expect(try texts(request) == ["SELECT * FROM \"t\""])
        request.flags = UInt32(APUS_DB_COUNT | APUS_DB_DISTINCT)
        #expect(try texts(request) == ["SELECT COUNT(*) FROM \"t\""])
        request.flags = 0
        let columns = [apus_str("a"), apus_str("b\"c`d")]
        let order = [apus_str("o"), apus_str("p")]
        let conditions = [
            term("e"), term("n", APUS_DB_NOT_EQUAL), term("l", APUS_DB_LESS), term("m", APUS_DB_LESS_OR_EQUAL),
            term("g", APUS_DB_GREATER), term("h", APUS_DB_GREATER_OR_EQUAL), term("k", APUS_DB_LIKE),
            term("f", APUS_DB_HAS_BITS), term("z", APUS_DB_EQUAL, nil), term("y", APUS_DB_NOT_EQUAL, nil),
        ]
        (request.columns, request.column_count) = (Ask.keep(columns), 2)
        (request.order, request.order_count) = (Ask.keep(order), 2)
        (request.where, request.where_count) = (Ask.keep(conditions), 10)
        request.limit = 5
        #expect(
            try texts(request) == [
                """
                SELECT "a", "b""c`d" FROM "t" WHERE "e" = ? AND "n" <> ? AND "l" < ? AND "m" <= ? AND "g" > ? AND \
                "h" >= ? AND "k" LIKE ? AND "f" & ? <> 0 AND "z" IS NULL AND "y" IS NOT NULL ORDER BY "o", "p" LIMIT 5
                """
            ])
        request.flags = UInt32(APUS_DB_ANY | APUS_DB_DESCENDING)
        request.where_count = 2
        #expect(
            try texts(request, APUS_DB_DOLLAR | APUS_DB_BACKTICKS) == [
                "SELECT `a`, `b\"c``d` FROM `t` WHERE `e` = $1 OR `n` <> $2 ORDER BY `o` DESC, `p` DESC LIMIT 5"
            ])
    }

    @Test func changes() throws {
        let sets = Ask.keep([term("k"), term("v")])
        let keys = Ask.keep([apus_str("k")])
        func request(_ kind: Int) -> apus_db_request {
            var request = Ask.empty(kind)
            (request.sets, request.set_count) = (sets, 2)
            (request.keys, request.key_count) = (keys, 1)
            (request.where, request.where_count) = (sets, 1)
            return request
        }
        let insertion = "INTO \"t\" (\"k\", \"v\") VALUES (?, ?)"
        #expect(try texts(request(APUS_DB_INSERT)) == ["INSERT \(insertion)"])
        #expect(
            try texts(request(APUS_DB_UPDATE), APUS_DB_DOLLAR)
                == ["UPDATE \"t\" SET \"k\" = $1, \"v\" = $2 WHERE \"k\" = $3"])
        #expect(try texts(request(APUS_DB_DELETE)) == ["DELETE FROM \"t\" WHERE \"k\" = ?"])
        #expect(try texts(request(APUS_DB_REPLACE), APUS_DB_CAN_REPLACE) == ["REPLACE \(insertion)"])
        #expect(
            try texts(request(APUS_DB_UPSERT), APUS_DB_ON_CONFLICT)
                == ["INSERT \(insertion) ON CONFLICT (\"k\") DO UPDATE SET \"v\" = excluded.\"v\""])
        #expect(
            try texts(request(APUS_DB_UPSERT), APUS_DB_ON_DUPLICATE)
                == ["INSERT \(insertion) ON DUPLICATE KEY UPDATE \"v\" = VALUES(\"v\")"])
        // A row that is its key alone.
        var single = request(APUS_DB_UPSERT)
        single.set_count = 1
        #expect(
            try texts(single, APUS_DB_ON_CONFLICT)
                == ["INSERT INTO \"t\" (\"k\") VALUES (?) ON CONFLICT (\"k\") DO NOTHING"])
        #expect(
            try texts(single, APUS_DB_ON_DUPLICATE)
                == ["INSERT INTO \"t\" (\"k\") VALUES (?) ON DUPLICATE KEY UPDATE \"k\" = VALUES(\"k\")"])
        #expect(
            try texts(single)
                == ["UPDATE \"t\" SET \"k\" = ? WHERE \"k\" = ?", "INSERT INTO \"t\" (\"k\") VALUES (?)"])
    }

    @Test func whatIsNoRequestIsRefused() throws {
        for (request, text) in [
            (Ask.empty(0), "0 is no kind of request"), (Ask.empty(APUS_DB_INSERT), "no column is set"),
            (Ask.empty(APUS_DB_RAW), "there is no SQL"), (Ask.empty(APUS_DB_UPSERT), "no column is set"),
        ] {
            #expect(throws: DatabaseFault(APUS_FAILED, text)) { try SQLText.plan(request, flags: 0) }
        }
        var request = Ask.empty(APUS_DB_SELECT)
        request.table = apus_str()
        #expect(throws: DatabaseFault(APUS_FAILED, "no table is named")) { try SQLText.plan(request, flags: 0) }
        request = Ask.empty(APUS_DB_SELECT)
        (request.where, request.where_count) = (Ask.keep([term("a", 99)]), 1)
        #expect(throws: DatabaseFault(APUS_FAILED, "99 is no comparison")) { try SQLText.plan(request, flags: 0) }
    }
}
