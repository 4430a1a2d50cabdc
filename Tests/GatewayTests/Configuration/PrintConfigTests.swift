// What print-config shows.

import Testing

@testable import Gateway

@Suite("print-config") struct PrintConfigTests {
    @Test("Every setting is shown with its value and its origin") func text() throws {
        let resolution = Configuration.resolve([
            file(
                "OPENROUTER_SITE_NAME='My \"$app\"'\n"
                    + "CLAUDE_PROXY_HEAD_TIMEOUT=1m\nOPENROUTER_API_KEY=k"
            ),
            environment(["CLAUDE_PROXY_LISTEN": "[::1]:80"]),
        ])
        let printed = try #require(resolution.printedConfiguration())
        for part in [
            "# Upstream\n\n# from test.env:3\n# OPENROUTER_API_KEY=(set)\n",
            "# from test.env:1\nOPENROUTER_SITE_NAME=\"My \\\"\\$app\\\"\"\n",
            "# from test.env:2\nCLAUDE_PROXY_HEAD_TIMEOUT=60s\n",
            "# from environment\nCLAUDE_PROXY_LISTEN=[::1]:80\n",
            "# from the default\nCLAUDE_PROXY_ACCESS=loopback\n",
            "# from the default; in effect: openrouter\nCLAUDE_PROXY_UPSTREAM_PROFILE=auto\n",
            "# from the default\n# CLAUDE_PROXY_CLIENT_TOKENS=(not set)\n",
            "# from the default\nCLAUDE_PROXY_LOG_FORMAT=\n",
        ] { #expect(printed.occurs(part), "\(part)") }
        for option in OptionTable.options { #expect(printed.occurs("\(option.key)=")) }
    }

    @Test("Pasted back it gives the same configuration, but for the secrets") func roundTrip()
        throws
    {
        let first = Configuration.resolve([
            file(
                """
                OPENROUTER_MODEL=a/b
                OPENROUTER_SITE_NAME="back\\\\slash, \\"quote\\" and #"
                CLAUDE_PROXY_ACCESS=open
                CLAUDE_PROXY_MODEL_MAP=a*=b,c=d
                CLAUDE_PROXY_LISTEN=unix:/run/a b/s,[::]:1
                CLAUDE_PROXY_MAX_BODY=3KB
                CLAUDE_PROXY_STATUS_HOLD=250ms
                CLAUDE_PROXY_UPSTREAM_URL=http://[::1]:8080/v1
                CLAUDE_PROXY_LOG_FORMAT=text
                """)
        ])
        let printed = try #require(first.printedConfiguration())
        let second = try configuration(file(printed))
        #expect(second == first.configuration)
    }

    @Test("There is nothing to show when there are faults") func faulty() {
        let resolution = Configuration.resolve([file("CLAUDE_PROXY_WORKERS=x")])
        #expect(resolution.printedConfiguration() == nil)
    }
}
