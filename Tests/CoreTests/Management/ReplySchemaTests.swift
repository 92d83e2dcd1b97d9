import Testing

@testable import Core

@Suite struct ReplySchemaTests {
    @Test func textsAreReadAndWritten() throws {
        for text in [
            "int", "[string]", "value...", "none", "{a:int, b?:string}", "[{id:int, names:[string], *?:any}]", "{}",
            "[[double]]",
        ] {
            #expect(try ReplySchema(parsing: text).text == text)
        }
        #expect(try ReplySchema(parsing: "{ a : int ,b:string}") == "{a:int, b:string}")
    }

    @Test(arguments: ["", "number", "[int", "{a:int", "{a}", "{:int}", "int int", "[int]]", "{a:int b:int}", "int.."])
    func mistakesAreFound(_ text: String) {
        #expect(throws: ReplySchema.Mistake.self) { try ReplySchema(parsing: text) }
    }

    @Test func answersAreHeldAgainstIt() {
        let answer = Answer()
        answer.map {
            answer.add(7, key: "id")
            answer.array(key: "names") {
                answer.add("x")
                answer.add("y")
            }
        }
        func why(_ schema: ReplySchema) -> String? { schema.mismatch(answer) }
        #expect(why("{id:int, names:[string]}") == nil)
        #expect(why("{id:value, names:any, more?:int}") == nil)
        #expect(why("{id:int, *:any}") == nil)
        #expect(why("any...") == nil)
        #expect(why("{id:string, names:any}") == "its answer.id is not string, as it is declared")
        #expect(why("{names:any}") == "its answer has the member `id`, which is not declared")
        #expect(why("{id:int, names:[int]}") == "its answer.names[] is not int, as it is declared")
        #expect(why("{id:int, names:any, more:int}") == "its answer lacks the member `more`, which is declared")
        #expect(why("[any]") == "its answer is not [any], as it is declared")
        #expect(why("none") == "it answers something, and its declaration says nothing")
        answer.add("more")
        #expect(why("any") == "it answers 2 values, and its declaration says one")
    }

    @Test func nothingIsNone() {
        let answer = Answer()
        #expect(ReplySchema("none").mismatch(answer) == nil)
        #expect(ReplySchema("int...").mismatch(answer) == nil)
        #expect(ReplySchema("int").mismatch(answer) != nil)
    }
}
