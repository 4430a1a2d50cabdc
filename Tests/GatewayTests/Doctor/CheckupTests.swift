// Findings out of facts: what end-to-end tests cannot bring about on every machine.

import Testing
import Translation

@testable import Gateway

@Suite("The doctor's checks") struct CheckupTests {
    // MARK: The unit

    private static func unit(_ changes: [String: String] = [:]) -> UnitFacts {
        var facts = UnitFacts()
        var properties = Dictionary(
            uniqueKeysWithValues: UnitFacts.protections.map { ($0.property, $0.value) })
        properties["LoadState"] = "loaded"
        properties["ActiveState"] = "active"
        properties["NRestarts"] = "0"
        properties["StatusText"] = "3 requests"
        properties.merge(changes) { $1 }
        facts.properties = properties
        facts.processStatus =
            "Name:\tclaude-proxy\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"
        return facts
    }

    @Test func aRefusedKeyIsToldInTheUpstreamsOwnWords() {
        let words = "User not found. Check it."
        let message =
            "The upstream refused the proxy's own key: \(words) Check OPENROUTER_API_KEY in the "
            + "proxy's configuration."
        #expect(Checkup.keyRefused(message).text == "the upstream refuses it: \(words)")
        #expect(Checkup.keyRefused("No.").text == "the upstream refuses it: No.")
    }

    private static func verdicts(_ facts: UnitFacts) -> [Finding.Verdict] {
        Checkup.unit(facts).map(\.verdict)
    }

    @Test func aUnitAsShippedIsGood() {
        #expect(Self.verdicts(Self.unit()) == [.good, .good])
        #expect(Checkup.unit(Self.unit())[0].text.contains("3 requests"))
    }

    @Test(arguments: [
        (["ActiveState": "failed", "Result": "watchdog"], Finding.Verdict.failure, "watchdog"),
        (["ActiveState": "inactive"], .warning, "inactive"),
        (["NRestarts": "4"], .warning, "4 times"),
        (["NeedDaemonReload": "yes"], .warning, "not read"),
    ])
    func aUnitsStateIsJudged(
        _ changes: [String: String], _ verdict: Finding.Verdict, _ words: String
    ) {
        let finding = Checkup.unit(Self.unit(changes))[0]
        #expect(finding.verdict == verdict && finding.text.contains(words))
    }

    @Test func everyProtectionThatIsMissingIsNamed() {
        for (property, _) in UnitFacts.protections {
            let finding = Checkup.unit(Self.unit([property: "other"]))[1]
            #expect(finding.verdict == .warning && finding.text.contains("\(property)=other"))
        }
    }

    @Test(arguments: [
        ("CapEff:\t0000000000000000", "CapEff:\t0000000000000400"),
        ("NoNewPrivs:\t1", "NoNewPrivs:\t0"),
        ("Seccomp:\t2", "Seccomp:\t0"), ("Seccomp:\t2\n", ""),
    ])
    func whatTheKernelSaysCounts(_ field: String, _ other: String) {
        var facts = Self.unit()
        facts.processStatus = facts.processStatus?.replacing(field, with: other)
        #expect(Self.verdicts(facts) == [.good, .warning])
    }

    @Test func withoutSystemdOrWithoutTheUnitThereIsNothingToSay() {
        #expect(Self.verdicts(UnitFacts()) == [.skipped])
        #expect(Self.verdicts(Self.unit(["LoadState": "not-found"])) == [.skipped])
    }

    @Test func aJournalThatForgetsIsToldOf() {
        #expect(Checkup.journal(hasSocket: true, isPersistent: true).verdict == .good)
        #expect(Checkup.journal(hasSocket: true, isPersistent: false).verdict == .warning)
        #expect(Checkup.journal(hasSocket: false, isPersistent: false).verdict == .skipped)
    }

    // MARK: How it is shown

    private static var diagnosis: Diagnosis {
        var diagnosis = Diagnosis(version: "1", secrets: [Array("a secret".utf8)])
        diagnosis.add([
            .good("name", "it is there"), .skipped("TLS", "none"),
            .warning("key", "a secret\u{1B}[31m\nforged", remedy: "hide a secret"),
        ])
        return diagnosis
    }

    @Test func linesArePlainCleanAndAligned() {
        #expect(
            Self.diagnosis.text(colours: false) == """
                ok    name  it is there
                skip  TLS   none
                warn  key   [removed] [31m forged
                            → hide [removed]
                1 to look at.
                """)
    }

    @Test func coloursAreForTerminals() {
        let text = Self.diagnosis.text(colours: true)
        #expect(text.hasPrefix("\u{1B}[32mok  \u{1B}[0m  name"))
        #expect(text.contains("\u{1B}[33mwarn\u{1B}[0m"))
    }

    @Test func JSONHasAllOfIt() {
        #expect(
            Self.diagnosis.json == """
                {"version":"1","verdict":"warning","findings":[
                {"check":"name","verdict":"ok","text":"it is there"},
                {"check":"TLS","verdict":"skipped","text":"none"},
                {"check":"key","verdict":"warning","text":"[removed] [31m forged",\
                "remedy":"hide [removed]"}
                ]}
                """)
    }

    @Test func aSummaryCounts() {
        var diagnosis = Diagnosis(version: "1", secrets: [])
        #expect(diagnosis.text(colours: false) == "All is well." && !diagnosis.hasFailed)
        diagnosis.add([.failure("key", "none", remedy: "set one")])
        #expect(diagnosis.text(colours: false).hasSuffix("1 failed.") && diagnosis.hasFailed)
    }

    // MARK: The way out

    @Test func aProxysPasswordIsNotShown() {
        var answer = ProbeAnswer()
        answer.failure = TransferFailure(.resolve, detail: "no such host")
        let url = Configuration().upstreamURL
        let findings = Checkup.reach(
            url, proxy: "http://me:password@proxy.example:3128", answer: answer)
        #expect(findings.count == 1 && findings[0].verdict == .failure)
        #expect(findings[0].text.contains("the proxy proxy.example:3128"))
        #expect(!findings[0].text.contains("password"))
    }

    @Test func plainHTTPToAnotherMachineIsARisk() {
        let url = UpstreamURL(scheme: .http, host: "10.0.0.7", port: 80, basePath: "/v1")
        var answer = ProbeAnswer()
        answer.status = 200
        let findings = Checkup.reach(url, proxy: "", answer: answer)
        #expect(findings.map(\.verdict) == [.good, .good, .warning])
    }

    @Test(
        "The doctor's advice goes by the kind of the failure",
        arguments: [
            (401, #"{"error":{"message":"No user"}}"#, "OPENROUTER_API_KEY"),
            (403, #"{"error":{"message":"Forbidden"}}"#, "OPENROUTER_API_KEY"),
            (402, #"{"error":{"message":"No credit"}}"#, "Buy credit"),
            (
                429, #"{"error":{"message":"Quota","code":"insufficient_quota"}}"#,
                "Buy credit"
            ),
            (429, #"{"error":{"message":"Slow down"}}"#, "Wait a minute"),
            (404, #"{"error":{"message":"No such model"}}"#, "OPENROUTER_MODEL"),
            (301, "", "CLAUDE_PROXY_UPSTREAM_URL"),
            (500, #"{"error":{"message":"Oops"}}"#, "what the upstream says"),
            (
                200, #"data: {"error":{"code":401,"message":"No user"}}"# + "\n\n",
                "OPENROUTER_API_KEY"
            ),
        ])
    func advice(_ status: Int, _ body: String, _ words: String) {
        let trial = TrialRequest(to: Settings(Configuration()).upstream, model: "acme/large")
        var answer = ProbeAnswer()
        answer.status = status
        answer.contentType = "text/event-stream"
        answer.body = Array(body.utf8)
        let finding = Checkup.trial(
            trial, answer, reader: UpstreamErrorReader(inputTokensEstimate: 0, maxTokens: 1))
        #expect(finding.verdict == .failure)
        #expect(finding.remedy?.contains(words) == true, "\(finding)")
    }

    @Test func theTrialIsOneTokenForEveryKindOfUpstream() {
        for kind in Configuration.UpstreamKind.allCases {
            var configuration = Configuration()
            configuration.upstreamKind = kind
            let upstream = Settings(configuration).upstream
            let trial = TrialRequest(to: upstream, model: "acme/large")
            let body = String(decoding: trial.call.body, as: UTF8.self)
            #expect(body.contains(#"tokens":1,"#) && body.contains(#""stream":true"#), "\(kind)")
            #expect(
                body.contains(#""model":"acme/large""#) && body.contains("wait"), "\(kind)"
            )
        }
    }
}
