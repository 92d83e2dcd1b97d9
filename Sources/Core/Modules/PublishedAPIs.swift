import PluginAPI

// Invariants: tables are the modules' and live for ever; each begins with its size.

/// Interfaces that modules offer each other, by id: "tm/1". Filled while modules declare, constant afterwards.
struct PublishedAPIs {
    struct Entry {
        let table: UnsafeRawPointer
        let size: UInt32
        let publisher: LoadedModule
    }

    private(set) var all: [String: Entry] = [:]
    /// Who has found what, for reports.
    private(set) var users: [String: [String]] = [:]

    mutating func publish(_ id: String, _ table: UnsafeRawPointer, by module: LoadedModule) throws(Registry.Refusal) {
        guard ModuleDescription.Need.isID(id) else {
            throw Registry.Refusal(text: "`\(id)` is no id of an interface: write name/number, such as tm/1")
        }
        let size = table.loadUnaligned(as: UInt32.self)
        guard size >= 4 else { throw Registry.Refusal(text: "the table of \(id) does not begin with its size") }
        if let other = all[id] {
            let who = other.publisher === module ? "" : " by \(other.publisher.name)"
            throw Registry.Refusal(text: "\(id) is published already\(who)")
        }
        all[id] = Entry(table: table, size: size, publisher: module)
    }

    /// The table of that id, if it is at least that large.
    mutating func find(_ id: String, atLeast size: UInt32, for module: LoadedModule) -> UnsafeRawPointer? {
        guard let entry = all[id], entry.size >= size else { return nil }
        if users[id]?.contains(module.name) != true { users[id, default: []].append(module.name) }
        return entry.table
    }

    /// Ids of an interface in other versions than the one asked for: "tm/2" for "tm/1".
    func versions(of id: String) -> [String] {
        let name = id.prefix { $0 != "/" } + "/"
        return all.keys.filter { $0.hasPrefix(name) }.sorted()
    }
}

extension HostTables {
    static let publish: @convention(c) (UnsafePointer<apus_host>, UnsafePointer<CChar>, UnsafeRawPointer) -> CInt = {
        host, id, table in
        host.declaring("publish") { (module, modules) throws(Registry.Refusal) in
            let id = try HostTables.text(id, "the id")
            guard UInt(bitPattern: table) != 0 else {
                throw Registry.Refusal(text: "the table of \(id) is null")
            }
            try modules.interfaces.publish(id, table, by: module)
            return CInt(APUS_TRUE)
        }
    }

    static let find: @convention(c) (UnsafePointer<apus_host>, UnsafePointer<CChar>, UInt32) -> UnsafeRawPointer? = {
        host, id, size in
        var found: UnsafeRawPointer?
        _ = host.declaring("find", in: [.starting]) { (module, modules) throws(Registry.Refusal) in
            let id = try HostTables.text(id, "the id")
            found = modules.interfaces.find(id, atLeast: size, for: module)
            if found != nil, !module.description.needs.contains(where: { $0.id == id }) {
                module.capture(.warning, "it uses \(id) without naming it in its needs: \(id) may start later")
            }
            return CInt(APUS_TRUE)
        }
        return found
    }
}
