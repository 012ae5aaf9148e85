import FoundationEssentials

/// As much of JSON Schema as the schemas in `docs` use; anything else is a failure.
struct SchemaChecker {
  let root: JSONValue

  /// - Parameter form: "loadwatch-2".
  init(_ form: String = "loadwatch-2") throws {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = package.appending(path: "docs").appending(path: form + ".schema.json")
    root = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: file))
  }

  /// What is wrong with a value; nothing where it is valid.
  func faults(of value: JSONValue) -> [String] {
    faults(of: value, under: root, at: "$")
  }

  private func faults(of value: JSONValue, under schema: JSONValue, at path: String) -> [String] {
    guard case .object(let rules) = schema else { return ["\(path): no schema"] }
    return rules.keys.sorted().flatMap { rule -> [String] in
      guard let operand = rules[rule] else { return [] }
      switch rule {
      case "$schema", "$id", "$defs", "title", "description": return []
      case "$ref": return faults(of: value, under: resolve(operand), at: path)
      case "type": return isOf(type: operand, value) ? [] : ["\(path): not of type \(operand)"]
      case "const": return value == operand ? [] : ["\(path): not \(operand)"]
      case "enum": return operand.elements.contains(value) ? [] : ["\(path): none of \(operand)"]
      case "pattern": return []
      case "minimum": return number(value) >= number(operand) ? [] : ["\(path): too small"]
      case "exclusiveMinimum": return number(value) > number(operand) ? [] : ["\(path): too small"]
      case "maximum": return number(value) <= number(operand) ? [] : ["\(path): too large"]
      case "minItems":
        return Double(value.elements.count) >= number(operand) ? [] : ["\(path): too few"]
      case "maxItems":
        return Double(value.elements.count) <= number(operand) ? [] : ["\(path): too many"]
      case "items":
        return value.elements.enumerated().flatMap {
          faults(of: $1, under: operand, at: "\(path)[\($0)]")
        }
      case "required":
        return operand.elements.filter { !value.keys.contains(text($0)) }.map {
          "\(path): lacks \(text($0))"
        }
      case "additionalProperties":
        return value.keys.subtracting(rules["properties"]?.keys ?? []).flatMap { key in
          operand == .bool(false)
            ? ["\(path): unknown \(key)"]
            : faults(of: value[key] ?? .null, under: operand, at: "\(path).\(key)")
        }
      case "properties":
        return value.keys.intersection(operand.keys).flatMap { key in
          faults(of: value[key] ?? .null, under: operand[key] ?? .null, at: "\(path).\(key)")
        }
      default: return ["\(path): the schema's \(rule) is not checked"]
      }
    }
  }

  private func resolve(_ reference: JSONValue) -> JSONValue {
    let name = text(reference).split(separator: "/").last.map(String.init) ?? ""
    return root["$defs"]?[name] ?? .null
  }

  private func isOf(type: JSONValue, _ value: JSONValue) -> Bool {
    switch (text(type), value) {
    case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool): true
    case ("number", .number): true
    case ("integer", .number(let number)): number == number.rounded()
    default: false
    }
  }

  private func number(_ value: JSONValue) -> Double {
    if case .number(let number) = value { number } else { .nan }
  }

  private func text(_ value: JSONValue) -> String {
    if case .string(let text) = value { text } else { "" }
  }
}
