import Testing

@testable import Gateway

@Suite("CA certificates of a file") struct TrustedCertificatesTests {
    /// A sequence in a sequence: as far as a certificate is looked into.
    private static let block = "-----BEGIN CERTIFICATE-----\nMAQwAgUA\n-----END CERTIFICATE-----\n"

    private func fault(_ text: String) -> TrustedCertificates.Fault? {
        do {
            _ = try TrustedCertificates(parsing: Array(text.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "Certificates are taken with text, other blocks, blanks and any line end round them",
        arguments: [
            block, "Subject: somebody\n\n" + block + "\n# the second\n" + block,
            block.replacing("\n", with: "\r\n"), block.replacing("MAQw", with: "MAQw\n  "),
            "-----BEGIN X509 CRL-----\n????\n-----END X509 CRL-----\n" + block,
            block.replacing("CERTIFICATE", with: "TRUSTED CERTIFICATE"),
            block.replacing("CERTIFICATE", with: "X509 CERTIFICATE"),
            String(block.dropLast()),
        ])
    func taken(_ text: String) { #expect(fault(text) == nil) }

    @Test(
        "A file without certificates is empty",
        arguments: [
            "", "\n", "none", "-----BEGIN CERTIFICATE----\n",
            "-----BEGIN PRIVATE KEY-----\nMAQwAgUA\n-----END PRIVATE KEY-----\n",
        ])
    func empty(_ text: String) { #expect(fault(text) == .empty) }

    @Test(
        "A damaged certificate makes the whole file useless",
        arguments: [
            (block.replacing("MAQw", with: "MA?w"), "certificate 1 in it is damaged (line 1)"),
            (block.replacing("MAQw", with: "MEQw"), "certificate 1 in it is damaged (line 1)"),
            (block.replacing("MAQw", with: "MAQx"), "certificate 1 in it is damaged (line 1)"),
            (
                block + block.replacing("MAQwAgUA", with: ""),
                "certificate 2 in it is damaged (line 4)"
            ),
            (
                block + "-----BEGIN CERTIFICATE-----\nMAQw",
                "what begins in line 4 has no end (-----END CERTIFICATE-----)"
            ),
            (
                "-----BEGIN CERTIFICATE-----\nMAQw\n" + block,
                "what begins in line 1 has no end (-----END CERTIFICATE-----)"
            ),
        ])
    func damaged(_ text: String, _ reason: String) { #expect(fault(text) == .damaged(reason)) }

    @Test("Any cut of a good file is good, empty or damaged, and ends nothing else")
    func cuts() {
        let text = Array((Self.block + Self.block).utf8)
        for end in 0...text.count { _ = try? TrustedCertificates(parsing: Array(text[..<end])) }
    }

    @Test("What cannot be had is a fault of the configuration, with its place") func resolution() {
        let source = file("CLAUDE_PROXY_UPSTREAM_CA_FILE=/root/ca.pem")
        let resolution = Configuration.resolve([source]).readingCertificates { _ in
            .failure(InvalidValue("it cannot be read: No such file or directory"))
        }
        #expect(resolution.configuration == nil)
        #expect(resolution.emptiedCAFiles.isEmpty)
        #expect(
            resolution.faults.map(\.description) == [
                #"test.env:1: CLAUDE_PROXY_UPSTREAM_CA_FILE="/root/ca.pem": it cannot be read: No"#
                    + " such file or directory (the systemd service does not see files in /root; put"
                    + " it into /etc/ssl/certs). Allowed: a file of CA certificates in PEM that the"
                    + " service can read"
            ])
        let emptied = Configuration.resolve([source]).readingCertificates { _ in .success([]) }
        #expect(emptied.emptiedCAFiles == ["/root/ca.pem"])
        let good = Configuration.resolve([source]).readingCertificates { _ in
            .success(Array(Self.block.utf8))
        }
        #expect(good.configuration?.upstreamCertificates?.bytes == Array(Self.block.utf8))
    }
}
