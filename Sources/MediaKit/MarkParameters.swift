import PluginKit

/// [declare] The variables that get marks of calls' sound.
func declareMarks(_ host: Host) {
    declare(host, .all, ofCalls)
    declare(host, .a, ofA)
    declare(host, .b, ofB)
    declare(host, "mos_A_label_pv", .a, nil, "Pseudo-variable with the label of the sides that marks with A are about.")
    declare(host, "mos_B_label_pv", .b, nil, "Pseudo-variable with the label of the sides that marks with B are about.")
}

private typealias Row = (mark: Mark, name: StaticString)

private let ofCalls: [Row] = [
    (.lowest, "mos_min_pv"), (.lowestAt, "mos_min_at_pv"), (.lowestLoss, "mos_min_packetloss_pv"),
    (.lowestJitter, "mos_min_jitter_pv"), (.lowestRoundtrip, "mos_min_roundtrip_pv"),
    (.highest, "mos_max_pv"), (.highestAt, "mos_max_at_pv"), (.highestLoss, "mos_max_packetloss_pv"),
    (.highestJitter, "mos_max_jitter_pv"), (.highestRoundtrip, "mos_max_roundtrip_pv"),
    (.average, "mos_average_pv"), (.averageLoss, "mos_average_packetloss_pv"),
    (.averageJitter, "mos_average_jitter_pv"), (.averageRoundtrip, "mos_average_roundtrip_pv"),
    (.averageSamples, "mos_average_samples_pv"),
]

private let ofA: [Row] = [
    (.lowest, "mos_min_A_pv"), (.lowestAt, "mos_min_at_A_pv"), (.lowestLoss, "mos_min_packetloss_A_pv"),
    (.lowestJitter, "mos_min_jitter_A_pv"), (.lowestRoundtrip, "mos_min_roundtrip_A_pv"),
    (.lowestLeg, "mos_min_roundtrip_leg_A_pv"),
    (.highest, "mos_max_A_pv"), (.highestAt, "mos_max_at_A_pv"), (.highestLoss, "mos_max_packetloss_A_pv"),
    (.highestJitter, "mos_max_jitter_A_pv"), (.highestRoundtrip, "mos_max_roundtrip_A_pv"),
    (.highestLeg, "mos_max_roundtrip_leg_A_pv"),
    (.average, "mos_average_A_pv"), (.averageLoss, "mos_average_packetloss_A_pv"),
    (.averageJitter, "mos_average_jitter_A_pv"), (.averageRoundtrip, "mos_average_roundtrip_A_pv"),
    (.averageLeg, "mos_average_roundtrip_leg_A_pv"), (.averageSamples, "mos_average_samples_A_pv"),
]

private let ofB: [Row] = [
    (.lowest, "mos_min_B_pv"), (.lowestAt, "mos_min_at_B_pv"), (.lowestLoss, "mos_min_packetloss_B_pv"),
    (.lowestJitter, "mos_min_jitter_B_pv"), (.lowestRoundtrip, "mos_min_roundtrip_B_pv"),
    (.lowestLeg, "mos_min_roundtrip_leg_B_pv"),
    (.highest, "mos_max_B_pv"), (.highestAt, "mos_max_at_B_pv"), (.highestLoss, "mos_max_packetloss_B_pv"),
    (.highestJitter, "mos_max_jitter_B_pv"), (.highestRoundtrip, "mos_max_roundtrip_B_pv"),
    (.highestLeg, "mos_max_roundtrip_leg_B_pv"),
    (.average, "mos_average_B_pv"), (.averageLoss, "mos_average_packetloss_B_pv"),
    (.averageJitter, "mos_average_jitter_B_pv"), (.averageRoundtrip, "mos_average_roundtrip_B_pv"),
    (.averageLeg, "mos_average_roundtrip_leg_B_pv"), (.averageSamples, "mos_average_samples_B_pv"),
]

private func declare(_ host: Host, _ side: MarkSide, _ rows: [Row]) {
    for row in rows { declare(host, row.name, side, row.mark, text(row.mark)) }
}

private func declare(_ host: Host, _ name: StaticString, _ side: MarkSide, _ mark: Mark?, _ doc: StaticString) {
    host.declare(
        ParameterDescription(name: name, kind: APUS_PARAM_STRING, doc: doc),
        into: state.pointee.marks.place(side, mark))
}

private func text(_ mark: Mark) -> StaticString {
    switch mark {
    case .lowest, .highest, .average: "Pseudo-variable that gets the mark (MOS), as in 4.3, from query and delete."
    case .lowestAt, .highestAt: "Pseudo-variable that gets the mark's time, minutes and seconds after the call's begin."
    case .lowestLoss, .highestLoss, .averageLoss: "Pseudo-variable that gets the percentage of lost packets then."
    case .lowestJitter, .highestJitter, .averageJitter: "Pseudo-variable that gets milliseconds of jitter then."
    case .lowestRoundtrip, .highestRoundtrip, .averageRoundtrip:
        "Pseudo-variable that gets microseconds of round-trip time then."
    case .lowestLeg, .highestLeg, .averageLeg:
        "Pseudo-variable that gets microseconds of round-trip time between proxy and side then."
    case .averageSamples: "Pseudo-variable that gets the number of samples behind the averages."
    }
}
