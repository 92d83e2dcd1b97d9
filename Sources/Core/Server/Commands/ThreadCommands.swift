/// `core.ps` and its kin: the threads. What the peers do by processes is done by threads here; a pid is a thread's id.
extension CoreCommands {
    func declareThreads() throws(CommandRegistry.Refusal) {
        let view = view
        try add("core.ps", "ps", reply: "[value]", "Id and task of each thread, one after the other.") { execution in
            execution.answer.array {
                for thread in ServerThread.all(view.listeners) {
                    execution.answer.add(Int64(thread.id))
                    execution.answer.add(thread.description)
                }
            }
            return .done
        }
        try add("core.psx", reply: "[{IDX:int, PID:int, DSC:string}]", "Place, id and task of each thread.") {
            execution in
            execution.answer.array {
                for (index, thread) in ServerThread.all(view.listeners).enumerated() {
                    execution.answer.map {
                        execution.answer.add(index, key: "IDX")
                        execution.answer.add(Int(thread.id), key: "PID")
                        execution.answer.add(thread.description, key: "DSC")
                    }
                }
            }
            return .done
        }
        try add(
            "core.psa", reply: "[{index:int, pid:int, status:int, rank:int, description:string}]",
            "Place, id, state (1: runs), rank (workers from 1 on) and task of each thread."
        ) { execution in
            execution.answer.array {
                for (index, thread) in ServerThread.all(view.listeners).enumerated() {
                    execution.answer.map {
                        execution.answer.add(index, key: "index")
                        execution.answer.add(Int(thread.id), key: "pid")
                        execution.answer.add(1, key: "status")
                        execution.answer.add(thread.rank, key: "rank")
                        execution.answer.add(thread.description, key: "description")
                    }
                }
            }
            return .done
        }
    }
}
