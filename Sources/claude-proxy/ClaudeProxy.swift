import ArgumentParser

@main
struct ClaudeProxy: ParsableCommand {
}
