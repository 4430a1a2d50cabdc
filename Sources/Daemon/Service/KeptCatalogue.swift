// The list of models that a daemon has kept, for commands that run beside it or without it.

package import Gateway
import Glibc

/// Finds the lists that daemons have kept.
package enum KeptCatalogue {
    /// The list of the upstream at `url`, wherever a daemon may have kept it and it can be read.
    package static func of(_ url: String) -> ModelCatalogue? {
        let name = ModelCatalogue.fileName(for: url)
        let home = variable("HOME")
        // The last two are where managers of Debian 13 and 12 keep the state of users' units.
        let paths =
            ["/var/lib/claude-proxy"]
            + [variable("XDG_STATE_HOME") ?? home.map { $0 + "/.local/state" }].compactMap(\.self)
            .map { $0 + "/claude-proxy" }
            + [variable("XDG_CONFIG_HOME") ?? home.map { $0 + "/.config" }].compactMap(\.self)
            .map { $0 + "/claude-proxy" }
        let directories =
            [StateDirectory()].compactMap(\.self) + paths.map(StateDirectory.init(at:))
        for directory in directories {
            if let file = directory.read(name, bytesMax: ModelCatalogue.fileBytesMax),
                let catalogue = ModelCatalogue(file: file, of: url)
            {
                return catalogue
            }
        }
        return nil
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
