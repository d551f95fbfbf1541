/// Rows of text with aligned columns.
package struct TextTable {
    /// Two spaces between columns; columns that are empty in all rows but the first are left out when `hidesEmpty`.
    package let text: String

    package init(rows: [[String]], hidesEmpty: Bool = false) {
        let columnCount = rows.map(\.count).max() ?? 0
        let columns = (0..<columnCount).filter { column in
            !hidesEmpty || rows.dropFirst().contains { column < $0.count && !$0[column].isEmpty }
        }
        let widths = columns.map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        var text = ""
        for row in rows {
            var line = ""
            for (column, width) in zip(columns, widths) {
                let cell = column < row.count ? row[column] : ""
                if column != columns.first { line += "  " }
                line += cell + String(repeating: " ", count: max(0, width - cell.count))
            }
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        self.text = text
    }
}
