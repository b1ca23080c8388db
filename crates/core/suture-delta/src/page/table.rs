//! Columns that line up, and give way where the terminal is narrow.

use super::{INDENT, Page, Tone, clean, paint};

/// How a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Left, as wide as its widest cell.
    Left,
    /// Right, as wide as its widest cell.
    Right,
    /// Left; a name, cut in the middle where the line would not fit.
    Name,
    /// Left; a path, cut at its beginning where the line would not fit.
    Path,
    /// Left, close to the column before: a unit, an arrow.
    Unit,
    /// Right, close to the column before.
    After,
}

/// A cell: its text, cleaned when it is shown, and its tone.
pub type Cell = (String, Tone);

/// A name is not cut shorter than this.
const NAME_WIDTH_MIN: usize = 12;

/// Writes `rows`, each with one cell for each of `columns`.
pub(super) fn write(page: &mut Page, columns: &[Column], rows: Vec<Vec<Cell>>) {
    let rows: Vec<Vec<Cell>> = rows
        .into_iter()
        .map(|row| row.into_iter().map(|(cell, tone)| (clean(&cell), tone)).collect())
        .collect();
    let widths = widths(page.look().width, columns, &rows);
    for row in &rows {
        let mut line = String::new();
        for (((cell, tone), column), width) in row.iter().zip(columns).zip(&widths) {
            if *width == 0 {
                continue;
            }
            let cell = shortened(cell, *width, *column);
            let space = " ".repeat(width - cell.chars().count());
            let painted = paint(page.look(), &cell, *tone);
            line += &" ".repeat(column.gap());
            line.extend(if column.is_right() { [space, painted] } else { [painted, space] });
        }
        page.line(&line);
    }
}

impl Column {
    /// Spaces before the column.
    fn gap(self) -> usize {
        match self {
            Self::Left | Self::Right | Self::Name | Self::Path => INDENT,
            Self::Unit | Self::After => 1,
        }
    }

    fn gives_way(self) -> bool {
        matches!(self, Self::Name | Self::Path)
    }

    fn is_right(self) -> bool {
        matches!(self, Self::Right | Self::After)
    }
}

fn widths(limit: Option<usize>, columns: &[Column], rows: &[Vec<Cell>]) -> Vec<usize> {
    let cell_width = |row: &Vec<Cell>, at: usize| row.get(at).map_or(0, |(cell, _)| cell.chars().count());
    let mut widths: Vec<usize> =
        (0..columns.len()).map(|at| rows.iter().map(|row| cell_width(row, at)).max().unwrap_or(0)).collect();
    let Some(limit) = limit else { return widths };
    let shown = widths.iter().zip(columns).filter(|(width, _)| **width > 0);
    let total: usize = shown.map(|(width, column)| column.gap() + width).sum();
    let mut excess = total.saturating_sub(limit);
    while excess > 0 {
        let names = widths.iter_mut().zip(columns).filter(|(_, column)| column.gives_way());
        let Some((widest, _)) = names.max_by_key(|(width, _)| **width).filter(|(w, _)| **w > NAME_WIDTH_MIN)
        else {
            break;
        };
        *widest -= 1;
        excess -= 1;
    }
    widths
}

fn shortened(cell: &str, width: usize, column: Column) -> String {
    let len = cell.chars().count();
    if len <= width {
        return cell.to_owned();
    }
    let head = if column == Column::Path { 0 } else { (width - 1) / 2 };
    let tail = width - 1 - head;
    cell.chars().take(head).chain(['…']).chain(cell.chars().skip(len - tail)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Look;

    fn shown(width: Option<usize>) -> String {
        let mut text = Page::new(Look { width, colour: false });
        let cell = |text: &str| (text.to_owned(), Tone::Plain);
        let rows = vec![
            vec![cell("core::ptr::drop_in_place<Connection>"), cell(""), cell("8")],
            vec![cell("main"), cell(""), cell("1,024")],
        ];
        write(&mut text, &[Column::Name, Column::Left, Column::Right], rows);
        text.finish()
    }

    #[test]
    fn columns_line_up_and_empty_ones_vanish() {
        assert_eq!(
            shown(None),
            "  core::ptr::drop_in_place<Connection>      8\n  main                                  1,024\n"
        );
    }

    #[test]
    fn names_give_way() {
        assert_eq!(shown(Some(30)), "  core::ptr:…onnection>      8\n  main                   1,024\n");
    }
}
