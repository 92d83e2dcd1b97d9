/// What a called side does in one branch.
struct BranchPlan {
    enum OnCancel {
        /// 487, as it should be, so many ms later.
        case terminates(after: Int)
        /// It answers 200 all the same: the two have crossed.
        case answers
    }

    /// Ms after the INVITE; nil: it does not ring.
    var ring: Int?
    /// A second provisional reply, 183, behind the final one.
    var ringsLate = false
    /// Ms after the INVITE.
    var finalAfter: Int
    var final: Int
    /// It rings until it is cancelled.
    var holds = false
    /// The final reply is sent twice in a row.
    var repeats: Bool
    var onCancel: OnCancel

    init(_ dice: inout Dice, isInvite: Bool) {
        ring = isInvite && dice.happens(70) ? dice.roll(0..<40) : nil
        finalAfter = dice.roll(0..<120)
        let refusals = [486, 404, 480, 503, 500, 302, 407, 603]
        final = dice.happens(45) ? 200 : dice.pick(refusals)
        repeats = dice.happens(15)
        ringsLate = isInvite && dice.happens(15)
        onCancel = dice.happens(30) ? .answers : .terminates(after: dice.roll(0..<60))
    }
}

/// What happens in one transaction of the caller: drawn before it begins, so that the seed repeats it.
struct CallPlan {
    var isInvite: Bool
    /// Branches of the first leg, 1 to 3, and behind them that of the failure route.
    var branches: [BranchPlan]
    var forks: Int
    /// The script has a second leg.
    var hasFailureRoute: Bool
    /// Ms after the INVITE.
    var cancelAfter: Int?
    /// The CANCEL comes from another port than the INVITE.
    var cancelsFromElsewhere: Bool
    /// The request and its CANCEL are sent twice in a row.
    var repeats: Bool
    /// The user of the Request-URI: letters that the script looks for.
    var user: String

    init(_ dice: inout Dice) {
        isInvite = dice.happens(90)
        forks = dice.roll(1..<4)
        hasFailureRoute = dice.happens(40)
        branches = []
        for _ in 0..<4 { branches.append(BranchPlan(&dice, isInvite: isInvite)) }
        cancelAfter = isInvite && dice.happens(45) ? dice.happens(25) ? 0 : dice.roll(1..<130) : nil
        if cancelAfter != nil {
            for leg in branches.indices where branches[leg].ring != nil { branches[leg].holds = dice.happens(30) }
        }
        cancelsFromElsewhere = dice.happens(20)
        repeats = dice.happens(20)
        var letters = "n\(forks)"
        if hasFailureRoute { letters += "f" }
        // Waits: in the onreply_route, in the failure_route, behind t_relay(); and which function deals with the CANCEL.
        for (letter, percent) in [("w", 30), ("v", 50), ("r", 30), ("c", 50)] where dice.happens(percent) {
            letters += letter
        }
        user = letters
    }
}

/// How replies compete (RFC 3261 section 16.7 and the table in tm's documentation).
func rank(_ status: Int) -> Int {
    switch status {
    case 600..<700: 1_000 + status % 100
    case 300..<400: 3_000 + status % 100
    case 401, 407, 415, 420, 484: 4_000 + status % 100
    case 400..<500: 4_100 + status % 100
    default: 5_000 + status % 100
    }
}
