// The memory that the service manager or a container lets this process have, from the files of control
// groups (cgroups(7)): where they are, and what they say. Of all groups from the process's own up to
// the root the smallest limit counts. The shell reads the files.

/// Finds and reads the limits of control groups.
package enum CgroupMemory {
    /// The files that may hold a limit, for a process whose /proc/self/cgroup says `text`.
    package static func files(forGroups text: String) -> [String] {
        var files: [String] = []
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[0] == "0", parts[1].isEmpty {
                for root in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
                    for path in pathsUpwards(from: parts[2]) {
                        // Beyond the one a process is slowed down until it hardly runs, beyond the
                        // other it is ended.
                        files.append(root + path + "/memory.high")
                        files.append(root + path + "/memory.max")
                    }
                }
            } else if parts[1].split(separator: ",").contains("memory") {
                for path in pathsUpwards(from: parts[2]) {
                    files.append("/sys/fs/cgroup/memory" + path + "/memory.limit_in_bytes")
                }
            }
        }
        return files
    }

    /// The limit that the contents of such files set; nil for none.
    package static func limit(in contents: [String]) -> Int? {
        contents.compactMap { text in
            // `max` is no number. The old interface says "no limit" by the largest one there is.
            let digits = text.split(separator: "\n").first ?? ""
            guard let bytes = Int(digits), bytes > 0, bytes < 1 << 60 else { return nil }
            return bytes
        }.min()
    }

    /// The group and those above it, the root being the empty path. Where a container shows a group
    /// outside of what it sees (`/../x`), there is the root alone.
    private static func pathsUpwards(from path: Substring) -> [String] {
        var names = path.split(separator: "/")
        guard path.hasPrefix("/"), !names.contains("..") else { return [""] }
        var paths: [String] = []
        while !names.isEmpty {
            paths.append("/" + names.joined(separator: "/"))
            names.removeLast()
        }
        return paths + [""]
    }
}
