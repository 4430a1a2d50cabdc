// The CA certificates of `CLAUDE_PROXY_UPSTREAM_CA_FILE`, as they were when the configuration was read.
// What is trusted changes with a reload and at no other time, even if the file does.
//
// The form is checked here, so that a damaged file is an error of the configuration and not of every
// request: libcurl takes a file as a whole or not at all.

import Translation

/// Certificates in PEM (RFC 7468), at least one unless they were withdrawn.
package struct TrustedCertificates: Sendable, Equatable {
    /// The file's bytes.
    package let bytes: [UInt8]

    /// The bundle of a large company has some hundred kilobytes.
    package static let bytesMax = 4 << 20

    /// What a file that holds no certificate any more stands for: nobody is to be trusted.
    package static let withdrawn = TrustedCertificates(unchecked: [])

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// Checks that `bytes` are certificates.
    init(parsing bytes: [UInt8]) throws(Fault) {
        guard bytes.count <= Self.bytesMax else {
            throw .damaged("it is larger than \(Self.bytesMax >> 20) MiB")
        }
        if bytes.starts(with: [0x30, 0x82]) {
            throw .damaged("it is in DER; `openssl x509 -inform DER` makes PEM of it")
        }
        var reader = PEMReader(bytes)
        var count = 0
        while let block = try reader.next() {
            guard Self.labels.contains(block.label) else { continue }
            count += 1
            guard let content = block.content, Self.isCertificate(content) else {
                throw .damaged("certificate \(count) in it is damaged (line \(block.line))")
            }
        }
        guard count > 0 else { throw .empty }
        self.bytes = bytes
    }

    /// Why a file cannot be used.
    enum Fault: Error, Equatable {
        /// Nothing in it is a certificate.
        case empty
        case damaged(String)

        var reason: String {
            switch self {
            case .empty: "it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"
            case .damaged(let reason): reason
            }
        }
    }

    /// The names under which OpenSSL looks for certificates.
    private static let labels = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"]

    /// Whether the bytes begin as a certificate does (RFC 5280 §4.1): a sequence that begins with
    /// another. A trusted one has more behind.
    private static func isCertificate(_ der: [UInt8]) -> Bool {
        guard let outer = sequence(der[...]), let inner = sequence(der[outer]) else { return false }
        return !inner.isEmpty
    }

    /// Where the content of a DER sequence is.
    private static func sequence(_ der: ArraySlice<UInt8>) -> Range<Int>? {
        var index = der.startIndex + 2
        guard der.count > 2, der.first == 0x30 else { return nil }
        var length = Int(der[index - 1])
        if length >= 0x80 {
            let size = length - 0x80
            guard 1...4 ~= size, der.count > 2 + size else { return nil }
            length = der[index..<index + size].reduce(0) { $0 << 8 | Int($1) }
            index += size
        }
        guard length <= der.endIndex - index else { return nil }
        return index..<index + length
    }
}

/// Takes the blocks of a PEM file one by one. Text round them is passed over.
private struct PEMReader {
    struct Block {
        let label: String
        /// Of its first line, counted from 1.
        let line: Int
        /// Nil when it is not base64.
        let content: [UInt8]?
    }

    private var lines: [ArraySlice<UInt8>]
    private var index = 0

    init(_ bytes: [UInt8]) {
        lines = bytes.split(omittingEmptySubsequences: false) { $0 == UInt8(ascii: "\n") }
    }

    mutating func next() throws(TrustedCertificates.Fault) -> Block? {
        while index < lines.count {
            index += 1
            guard let label = Self.label(lines[index - 1], "-----BEGIN ") else { continue }
            let start = index
            var text: [UInt8] = []
            while index < lines.count, Self.label(lines[index], "-----END ") != label {
                guard Self.label(lines[index], "-----BEGIN ") == nil else { break }
                text += lines[index].filter { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }
                index += 1
            }
            guard index < lines.count, Self.label(lines[index], "-----END ") == label else {
                throw .damaged("what begins in line \(start) has no end (-----END \(label)-----)")
            }
            index += 1
            return Block(label: label, line: start, content: Base64.decode(text.span))
        }
        return nil
    }

    private static func label(_ line: ArraySlice<UInt8>, _ start: String) -> String? {
        let text = String(decoding: line, as: UTF8.self).trimmed
        guard text.hasPrefix(start), text.hasSuffix("-----"),
            text.utf8.count > start.utf8.count + 5
        else { return nil }
        return String(text.dropFirst(start.count).dropLast(5))
    }
}

extension Configuration {
    /// The same without trust in what these files held.
    package func withdrawing(_ paths: Set<String>) -> Configuration {
        var untrusting = self
        if let path = upstreamCAFile, paths.contains(path) {
            untrusting.upstreamCertificates = .withdrawn
        }
        for (index, upstream) in namedUpstreams.enumerated() {
            guard let path = upstream.caFile, paths.contains(path) else { continue }
            untrusting.namedUpstreams[index].certificates = .withdrawn
        }
        return untrusting
    }
}

extension Resolution {
    private static let key = "CLAUDE_PROXY_UPSTREAM_CA_FILE"

    /// The same with the certificates that the configuration names, or with the reasons why they cannot
    /// be had.
    ///
    /// - Parameter read: gives the bytes of a file, or why there are none.
    package func readingCertificates(
        _ read: (String) -> Result<[UInt8], InvalidValue>
    ) -> Resolution {
        guard var configuration else { return self }
        var resolution = self
        if let path = configuration.upstreamCAFile {
            configuration.upstreamCertificates = resolution.certificates(path, Self.key, read)
        }
        for (index, upstream) in configuration.namedUpstreams.enumerated() {
            guard let path = upstream.caFile else { continue }
            let key = NamedUpstreamKey.text(upstream.name, .caFile)
            configuration.namedUpstreams[index].certificates =
                resolution.certificates(path, key, read)
        }
        resolution.configuration = resolution.faults.isEmpty ? configuration : nil
        return resolution
    }

    private mutating func certificates(
        _ path: String, _ key: String, _ read: (String) -> Result<[UInt8], InvalidValue>
    ) -> TrustedCertificates? {
        do {
            return try TrustedCertificates(parsing: read(path).get())
        } catch {
            let fault = error as? TrustedCertificates.Fault
            if fault == .empty { emptiedCAFiles.insert(path) }
            let reason = fault?.reason ?? (error as? InvalidValue)?.reason ?? "\(error)"
            faults.append(
                ConfigurationFault(
                    key: key, origin: origins[key], value: path,
                    reason: reason + (fault == nil ? Self.hint(path) : ""),
                    allowed: "a file of CA certificates in PEM that the service can read"))
            return nil
        }
    }

    /// What the service's sandbox does not show, though it is there.
    private static func hint(_ path: String) -> String {
        for hidden in [
            "/etc/claude-proxy/", "/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/",
        ]
        where path.hasPrefix(hidden) {
            return " (the systemd service does not see files in \(hidden.dropLast()); put it into"
                + " /etc/ssl/certs)"
        }
        return ""
    }
}
