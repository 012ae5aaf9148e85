/// What `cloneprof` reports of one interval, or of a whole run: one JSON object.
///
/// Documented field by field in `docs/cloneprof.md`; the schema is `docs/cloneprof-2.schema.json`.
/// All durations are nanoseconds, all sizes bytes.
public struct CloneSnapshot: Codable, Sendable, Equatable {
  /// The name and version of this form.
  public static let schemaName = "cloneprof/2"

  public var schema = schemaName
  /// True on the object that sums up the run.
  public var final: Bool
  public var host: HostPart
  /// Wall clock, ISO 8601, UTC.
  public var start: String
  public var end: String
  public var intervalNs: UInt64
  public var filter: FilterPart
  public var probes: [ProbePart]
  /// `untraced` is 0.
  public var loss: LossPart
  public var cost: CloneCostPart
  public var calls: CallsPart
  /// The parts of a clone, in the order in which they happen, and what is left of the whole.
  public var phases: [PhasePart]
  /// Functions within the phases, where they were asked for (`--steps`).
  public var steps: [StepPart]
  public var histograms: CloneHistogramsPart
  /// What was copied, by type of mapping.
  public var mappingTypes: [MappingTypePart]
  /// The costliest mappings, the costliest first.
  public var mappings: [MappingPart]
  public var pageTables: PageTablesPart
  public var slowest: [SlowClonePart]
  /// Where clones are called from, the most expensive first.
  public var stacks: [StackPart]
  /// What became of all children; nil where that wasn't seen.
  public var childFates: ChildFatesPart?
  /// And by their parents; those whose clones took longest first.
  public var children: [ChildrenPart]?
  /// What the forks cost in all, the calls first; nil where that wasn't seen.
  public var bill: [BillItemPart]?
  /// Which pages were copied afterwards, and by whose writes; nil where faults weren't counted, or there were
  /// too few.
  public var pageCopies: PageCopiesPart?
  /// What would make it faster, the most effective first.
  public var advice: [AdvicePart]
  /// All durations since the run began, where they are wanted for metrics. Not in the JSON.
  public var native: NativeCloneHistograms?

  public init(
    final: Bool, host: HostPart, start: String, end: String, intervalNs: UInt64,
    filter: FilterPart, probes: [ProbePart], loss: LossPart, cost: CloneCostPart,
    calls: CallsPart, phases: [PhasePart], steps: [StepPart] = [],
    histograms: CloneHistogramsPart,
    mappingTypes: [MappingTypePart], mappings: [MappingPart], pageTables: PageTablesPart,
    slowest: [SlowClonePart], stacks: [StackPart], childFates: ChildFatesPart? = nil,
    children: [ChildrenPart]? = nil, bill: [BillItemPart]? = nil,
    pageCopies: PageCopiesPart? = nil, advice: [AdvicePart]
  ) {
    self.final = final
    self.host = host
    self.start = start
    self.end = end
    self.intervalNs = intervalNs
    self.filter = filter
    self.probes = probes
    self.loss = loss
    self.cost = cost
    self.calls = calls
    self.phases = phases
    self.steps = steps
    self.histograms = histograms
    self.mappingTypes = mappingTypes
    self.mappings = mappings
    self.pageTables = pageTables
    self.slowest = slowest
    self.stacks = stacks
    self.childFates = childFates
    self.children = children
    self.bill = bill
    self.pageCopies = pageCopies
    self.advice = advice
  }

  enum CodingKeys: String, CodingKey {
    case schema, final, host, start, end, filter, probes, loss, cost, calls, phases, steps,
      histograms
    case mappings, slowest, stacks, children, bill, advice
    case childFates = "child_fates"
    case pageCopies = "page_copies"
    case mappingTypes = "mapping_types"
    case intervalNs = "interval_ns"
    case pageTables = "page_tables"
  }
}
