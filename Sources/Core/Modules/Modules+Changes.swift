import PluginAPI

// Invariants: `beginChanges` runs on the main thread before the workers' threads start. From then on values are changed on the management thread
// and put in force by each worker for itself: its tables are its own. A mail and its change live until the worker has received it.

/// Parameters that change while the server runs.
extension Modules {
    /// What somebody wants a parameter to be.
    struct Change {
        /// May be an instance: `limits[7]`.
        let group: String
        let name: String
        /// Its text is the caller's. Null: the instance has its group's value again.
        let value: apus_value
        /// The instance is made when there is none yet.
        var creates = false
    }

    /// Why nothing was changed.
    struct ChangeRefusal: Error, Equatable {
        let text: String
    }

    /// Bytes of all the different texts that parameters are ever set to: they live for ever, since messages may hold them.
    static let textLimit = 1 << 20

    /// Takes the values in force into the workers' tables, when all modules have started.
    func beginChanges() {
        let all = registry.changeable.all
        for parameter in all {
            parameter.initial = parameter.read()
            parameter.value = parameter.initial
        }
        guard let workers = shared.pointee.workers else { return }
        for index in 0..<Int(shared.pointee.workerCount) {
            let table = UnsafeMutablePointer<apus_value>.allocate(capacity: max(1, all.count))
            for (number, parameter) in all.enumerated() { (table + number).initialize(to: parameter.value) }
            workers[index].settings = table
            workers[index].instances = registry.changeable.makeTable()
        }
    }

    /// [management] Makes all of the changes, or none. Each worker puts them in force between two of its messages.
    func change(_ changes: [Change]) throws(ChangeRefusal) {
        var parts: [WorkerChange.Part] = []
        for change in changes { parts.append(try part(change)) }
        let changeable = registry.changeable
        var changesInstances = false
        for part in parts {
            let before = changeable.value(part.number, of: part.instance).value
            if let id = part.instance {
                changeable.addInstance(part.parameter.group, id)
                changeable.set(part.number, of: id, part.value)
                changesInstances = true
            } else {
                part.parameter.value = part.value
            }
            let now = changeable.value(part.number, of: part.instance).value
            let group = part.instance.map { "\(part.parameter.group)[\($0)]" } ?? part.parameter.group
            Log.notice("\(group).\(part.parameter.name) is \(now.shown), was \(before.shown)")
        }
        tellWorkers(parts.filter { $0.instance == nil }, instances: changesInstances)
    }

    /// What a change comes to, when it fits.
    private func part(_ change: Change) throws(ChangeRefusal) -> WorkerChange.Part {
        let group = ConfigGroup(change.group)
        guard let number = registry.changeable.number(group.name, change.name) else {
            throw ChangeRefusal(text: "there is no parameter \(change.group).\(change.name) that may change")
        }
        let parameter = registry.changeable.all[number]
        if let id = group.instance, !change.creates, !registry.changeable.hasInstance(group.name, id) {
            throw ChangeRefusal(text: "group \(group.name) has no instance \(id)")
        }
        if change.value.isNull {
            guard group.instance != nil else {
                throw ChangeRefusal(text: "\(change.group) is no instance: its values cannot be taken away")
            }
        } else if let mistake = parameter.mistake(in: change.value) {
            throw ChangeRefusal(text: "\(change.group).\(change.name) \(mistake)")
        }
        let value = change.value.isNull ? apus_value.null : try kept(change.value)
        return WorkerChange.Part(number: number, parameter: parameter, instance: group.instance, value: value)
    }

    private func tellWorkers(_ parts: [WorkerChange.Part], instances: Bool) {
        guard let workers = shared.pointee.workers else { return }
        let change = WorkerChange(parts, workers)
        for index in 0..<Int(shared.pointee.workerCount) {
            change.post(
                to: workers[index].worker.pointee.mailbox, instances ? registry.changeable.makeTable() : nil)
        }
    }

    // MARK: - Instances of groups

    /// [management] Gives a group an instance, unless it has it.
    func addInstance(_ id: Int64, of group: String) throws(ChangeRefusal) {
        guard registry.changeable.groupNumber(group) != nil else {
            throw ChangeRefusal(text: "there is no group \(group)")
        }
        guard module(named: group) == nil, group != "core", group != "tcp" else {
            throw ChangeRefusal(text: "only groups of the script's own have instances: \(group) goes by its own values")
        }
        guard registry.changeable.instanceCount < ChangeableParameters.instanceLimit else {
            throw ChangeRefusal(text: "there are \(ChangeableParameters.instanceLimit) instances already")
        }
        registry.changeable.addInstance(group, id)
        Log.notice("there is an instance \(group)[\(id)]")
        tellWorkers([], instances: true)
    }

    /// [management] Takes an instance away with its values.
    func deleteInstance(_ id: Int64, of group: String) throws(ChangeRefusal) {
        guard registry.changeable.deleteInstance(group, id) else {
            throw ChangeRefusal(text: "there is no instance \(group)[\(id)]")
        }
        Log.notice("there is no instance \(group)[\(id)] any more")
        tellWorkers([], instances: true)
    }

    /// The value with a text that lives for ever.
    private func kept(_ value: apus_value) throws(ChangeRefusal) -> apus_value {
        guard value.hasText else { return apus_value(value.num) }
        let text = value.str.string
        if let known = changedTexts[text] { return apus_value(apus_str(known)) }
        changedTextBytes += text.utf8.count
        guard changedTextBytes <= Modules.textLimit else {
            changedTextBytes -= text.utf8.count
            throw ChangeRefusal(text: "parameters were set to too many different texts: restart the server")
        }
        let bytes = PermanentText.bytes(text)
        changedTexts[text] = bytes
        return apus_value(apus_str(bytes))
    }
}

/// A change on its way to the workers.
private final class WorkerChange: Sendable {
    struct Part: @unchecked Sendable {
        let number: Int
        let parameter: ChangeableParameter
        /// Nil: the group's own.
        let instance: Int64?
        let value: apus_value
    }

    /// The node first, so that it is the mail.
    private struct Mail {
        var node: MailNode
        let change: Unmanaged<WorkerChange>
        /// The worker's, when instances have changed.
        let instances: ConfigInstances?
    }

    private let parts: [Part]
    private nonisolated(unsafe) let tables: UnsafeMutablePointer<ModuleWorker>

    init(_ parts: [Part], _ tables: UnsafeMutablePointer<ModuleWorker>) {
        self.parts = parts
        self.tables = tables
    }

    func post(to mailbox: Mailbox, _ instances: ConfigInstances?) {
        let mail = UnsafeMutablePointer<Mail>.allocate(capacity: 1)
        mail.initialize(
            to: Mail(
                node: MailNode(receive: WorkerChange.received), change: .passRetained(self), instances: instances))
        mailbox.post(UnsafeMutableRawPointer(mail).assumingMemoryBound(to: MailNode.self))
    }

    /// [worker] In the turn of its loop, before it runs messages.
    private static let received: Mailbox.Callback = { worker, node in
        let mail = node.assumingMemoryBound(to: Mail.self)
        let change = mail.pointee.change.takeRetainedValue()
        let instances = mail.pointee.instances
        mail.deinitialize(count: 1)
        mail.deallocate()
        let own = change.tables + worker.assumingMemoryBound(to: Worker.self).pointee.index
        if let instances {
            own.pointee.instances?.free()
            own.pointee.instances = instances
        }
        for part in change.parts {
            own.pointee.settings?[part.number] = part.value
            part.parameter.takeEffect(part.value)
        }
    }
}

extension apus_value {
    /// For the log.
    fileprivate var shown: String { hasText ? "\"\(str.string)\"" : String(num) }
}
