//! Cells of comma-separated tables (RFC 4180, 2005), safe to open with a spreadsheet.

/// Programs run a cell that begins with one of these as a formula; the last four are what East Asian keyboards type.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A cell in quotes. One that would be a formula gets `'` in front, but for numbers.
pub fn quoted(field: &str) -> String {
    let number = field.parse::<f64>().is_ok();
    let guard = if !number && field.starts_with(FORMULA) { "'" } else { "" };
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

/// Cells as a line.
pub fn row<const CELLS: usize>(cells: [String; CELLS]) -> String {
    cells.map(|cell| quoted(&cell)).join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_be_a_formula_nor_break_its_row() {
        assert_eq!(quoted("plain"), "\"plain\"");
        assert_eq!(quoted("say \"hi\"\nyou"), "\"say \"\"hi\"\"\nyou\"");
        for formula in ["=HYPERLINK(1)", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            assert_eq!(quoted(formula), format!("\"'{formula}\""));
        }
        assert_eq!(quoted("-0.5"), "\"-0.5\"");
        assert_eq!(row(["a".into(), "b,\"c".into()]), "\"a\",\"b,\"\"c\"");
    }
}
