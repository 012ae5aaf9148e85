/// How pages look: in light and dark, on paper, and on a telephone.
enum Style {
  /// Bands: the colors of Okabe and Ito, which people who can't tell some colors apart can tell apart. Shades of
  /// heat maps differ in lightness.
  static let css = """
    :root {
      color-scheme: light dark;
      --back: #ffffff; --text: #1b1b1f; --faint: #55555c; --rule: #d9d9de; --box: #f5f5f7;
      --b0: #0072b2; --b1: #d55e00; --b2: #009e73; --b3: #cc79a7; --b4: #e69f00; --b5: #56b4e9;
      --b6: #8a6d3b; --b7: #f0e442; --rest: #b9b9c0; --before: #e3e3e7; --line: #1b1b1f;
      --s0: #ffeda0; --s1: #fed976; --s2: #feb24c; --s3: #fd8d3c; --s4: #fc4e2a; --s5: #e31a1c;
      --s6: #b10026; --s7: #5b0016;
      --d0: #dfe7f2; --d1: #f2e3d5; --d2: #ddefe6; --d3: #f1e0ea; --d4: #f6ecc8; --found: #ffd21f;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --back: #18181b; --text: #e8e8ec; --faint: #a6a6af; --rule: #3a3a41; --box: #222226;
        --b0: #4aa3df; --b1: #f0813a; --b2: #2fbf97; --b3: #d993bb; --b4: #f0b83f; --b5: #8fd0f5;
        --b6: #b89a63; --b7: #f0e442; --rest: #6a6a72; --before: #3f3f46; --line: #ffffff;
        --s0: #280b54; --s1: #57106e; --s2: #89226a; --s3: #bc3754; --s4: #e35933; --s5: #f98c0a;
        --s6: #f9c932; --s7: #fcffa4;
        --d0: #2b3a4f; --d1: #4f3a2b; --d2: #2b4a3c; --d3: #4a2e40; --d4: #4a4226; --found: #665000;
      }
    }
    body {
      background: var(--back); color: var(--text); margin: 0 auto; max-width: 1100px; padding: 16px;
      font: 15px/1.5 system-ui, sans-serif;
    }
    h1 { font-size: 1.5em; margin: 0; overflow-wrap: anywhere; }
    h2 { font-size: 1.15em; margin: 1.6em 0 .4em; border-bottom: 1px solid var(--rule); }
    p { max-width: 75ch; }
    .facts { list-style: none; padding: 0; margin: .3em 0 0; color: var(--faint); }
    .facts li { display: inline-block; margin-right: 1.5em; overflow-wrap: anywhere; }
    .faint, figcaption { color: var(--faint); }
    article { border-left: 4px solid var(--rule); padding: 0 1em; margin: 1em 0; overflow-wrap: anywhere; }
    article.first { border-color: var(--b1); background: var(--box); padding: .3em 1em; }
    article.first strong { font-size: 1.15em; }
    article ul { margin: .3em 0; padding-left: 1.3em; }
    figure { margin: 0; overflow-x: auto; }
    figure > svg { display: block; width: 100%; min-width: 640px; height: auto; }
    svg text { font: 12px system-ui, sans-serif; fill: var(--text); }
    svg .axis { fill: var(--faint); font-variant-numeric: tabular-nums; }
    svg .n { text-anchor: end; }
    .grid, .tick { stroke: var(--rule); }
    .line { fill: none; stroke: var(--line); stroke-width: 1.5; }
    .cursor { stroke: var(--text); stroke-dasharray: 3 3; display: none; }
    .b0 { fill: var(--b0); } .b1 { fill: var(--b1); } .b2 { fill: var(--b2); } .b3 { fill: var(--b3); }
    .b4 { fill: var(--b4); } .b5 { fill: var(--b5); } .b6 { fill: var(--b6); } .b7 { fill: var(--b7); }
    .rest { fill: var(--rest); } .before { fill: var(--before); }
    .map { stroke-width: 1; fill: none; shape-rendering: crispEdges; }
    .s0 { stroke: var(--s0); } .s1 { stroke: var(--s1); } .s2 { stroke: var(--s2); }
    .s3 { stroke: var(--s3); } .s4 { stroke: var(--s4); } .s5 { stroke: var(--s5); }
    .s6 { stroke: var(--s6); } .s7 { stroke: var(--s7); }
    svg.scale { width: 120px; height: 10px; vertical-align: middle; }
    .legend { list-style: none; margin: .3em 0; padding: 0; }
    .legend li { display: inline-block; margin-right: 1.2em; overflow-wrap: anywhere; }
    svg.key { width: 11px; height: 11px; margin-right: 5px; }
    .dash { display: inline-block; width: 14px; border-top: 2px solid var(--line); margin: 0 5px 4px 0; }
    .readout { min-height: 1.5em; margin: .2em 0; font-variant-numeric: tabular-nums; }
    table { border-collapse: collapse; margin: .5em 0; }
    .wide { overflow-x: auto; }
    th, td { padding: 2px 12px 2px 0; text-align: left; vertical-align: top; overflow-wrap: break-word; }
    th, td:first-child { max-width: 24em; }
    th { color: var(--faint); font-weight: 600; border-bottom: 1px solid var(--rule); vertical-align: bottom; }
    td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
    td.n { white-space: nowrap; }
    th.n { max-width: 9em; }
    .m0, .m1, .m2, .m3, .m4 { display: block; padding: 0 4px; border-radius: 2px; }
    .m1 { box-shadow: inset 0 -3px var(--s2); } .m2 { box-shadow: inset 0 -5px var(--s3); }
    .m3 { box-shadow: inset 0 -7px var(--s4); } .m4 { outline: 2px solid var(--s5); }
    svg.bar { width: 140px; height: 10px; }
    .i1 { padding-left: 1em; } .i2 { padding-left: 2em; } .i3 { padding-left: 3em; }
    .i4 { padding-left: 4em; } .i5 { padding-left: 5em; } .i6 { padding-left: 6em; }
    .i7 { padding-left: 7em; } .i8 { padding-left: 8em; } .i9 { padding-left: 9em; }
    .tree ul { list-style: none; padding-left: 1.6em; border-left: 2px solid var(--rule); }
    .tree > ul { padding-left: 0; border: 0; }
    .holder { font-weight: 600; }
    .frame { cursor: pointer; }
    .frame.d0 rect { fill: var(--d0); } .frame.d1 rect { fill: var(--d1); }
    .frame.d2 rect { fill: var(--d2); } .frame.d3 rect { fill: var(--d3); }
    .frame.d4 rect { fill: var(--d4); } .frame.found rect { fill: var(--found); }
    .frame:focus-visible rect, .frame:hover rect { stroke: var(--text); }
    .tree, .frame text { overflow-wrap: anywhere; }
    @media print {
      body { max-width: none; font-size: 11px; }
      section { break-inside: avoid; }
      .readout, .tools { display: none; }
    }
    """
}
