// How much memory this process may have: the service manager's or container's limit, and the machine's.
// Read once, at the start. The unit's sandbox leaves the files readable.

import Gateway
import Glibc

enum MemoryLimit {
    /// The budget that follows from them.
    static func budget() -> Int {
        let machine = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
        return MemoryBudget.bytes(
            ofLimit: ofGroups(), machine: machine > 0 ? machine : 1 << 30)
    }

    private static func ofGroups() -> Int? {
        guard case .success(let groups) = FileContents.read("/proc/self/cgroup") else { return nil }
        let files = CgroupMemory.files(forGroups: String(decoding: groups, as: UTF8.self))
        return CgroupMemory.limit(
            in: files.compactMap { file in
                guard case .success(let bytes) = FileContents.read(file) else { return nil }
                return String(decoding: bytes, as: UTF8.self)
            })
    }
}
