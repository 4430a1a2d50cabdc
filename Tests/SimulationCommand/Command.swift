// `make simulate`: runs of the simulation, by seed, steps and time.

import Glibc
import Simulation

@main enum Command {
    /// What is asked for.
    struct Options {
        var seed: UInt64?
        var steps = 300_000
        var seconds = 20
        var isWatched = false
    }

    /// So many steps meet everything that there is to meet.
    private static let stepsForAll = 3_000_000

    static func main() {
        guard let options = parse(CommandLine.arguments.dropFirst()) else {
            print(
                "usage: simulate [--seed N] [--steps N] [--seconds N] [--watch]", to: standardError)
            exit(2)
        }
        var random = SystemRandomNumberGenerator()
        let end = ContinuousClock.now + .seconds(options.seconds)
        var coverage = Coverage()
        var runs = 0
        repeat {
            let seed = options.seed ?? random.next(upperBound: 1 << 32)
            // Told before, because a failed precondition ends the process.
            print("seed \(seed), \(options.steps) steps", to: standardError)
            do {
                let world = try World(seed: seed)
                if options.isWatched { world.watch = { print($0, to: standardError) } }
                try world.run(steps: options.steps)
                coverage.add(world.coverage)
                runs += 1
            } catch {
                print(
                    "\(error)\n\nmake simulate SEED=\(seed) STEPS=\(options.steps)",
                    to: standardError)
                exit(1)
            }
        } while options.seed == nil && ContinuousClock.now < end
        report(coverage, runs: runs, options)
    }

    private static func report(_ coverage: Coverage, runs: Int, _ options: Options) {
        for milestone in Milestone.allCases {
            print("  \(coverage[milestone])  \(milestone)", to: standardOutput)
        }
        print("\(runs) runs of \(options.steps) steps, no rule broken", to: standardOutput)
        let stepsTaken = runs * options.steps
        guard !coverage.missing.isEmpty, stepsTaken >= Self.stepsForAll else { return }
        print("never reached: \(coverage.missing)", to: standardError)
        exit(1)
    }

    private static func parse(_ arguments: ArraySlice<String>) -> Options? {
        var options = Options()
        var rest = arguments
        while let name = rest.popFirst() {
            if name == "--watch" {
                options.isWatched = true
                continue
            }
            guard let value = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
            switch name {
            case "--seed": options.seed = value
            case "--steps": options.steps = Int(clamping: value)
            case "--seconds": options.seconds = Int(clamping: value)
            default: return nil
            }
        }
        return options
    }

    private static var standardOutput: Int32 { 1 }
    private static var standardError: Int32 { 2 }

    private static func print(_ text: String, to descriptor: Int32) {
        var bytes = Array((text + "\n").utf8)[...]
        while !bytes.isEmpty {
            // SAFETY: the kernel reads at most as many bytes as the slice has.
            let count = unsafe bytes.withUnsafeBytes {
                unsafe write(descriptor, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
