//! Rows of cells, as a table or as JSON.

use super::order::Tree;
use crate::facts::usage::{NONE, UNKNOWN};
use crate::input::limits::UNLIMITED;
use crate::sys::memory::List;
use crate::text::character::{Piece, first_piece, width};
use crate::text::line::Line;
use crate::text::number::decimal;
use crate::text::packed::{Lines, Packed};
use crate::text::parts::halves;

/// Columns of one sheet, and one for what stands before all of them.
const COLUMNS: usize = 26;
/// How deep a row is drawn below others; one that lies deeper says how deep.
const DEPTH: usize = 32;
/// Where a cell begins behind its key.
const KEY_BYTES: usize = 17;

/// Rows of cells that are rendered when they come, and what has been told of earlier ones.
pub struct Sheet {
    /// JSON is asked for, not a table.
    pub json: bool,
    /// Columns of the terminal; 0: it is no terminal.
    pub width: usize,
    cells: Cells,
    /// A line for each column, `HEAD KEY`: HEAD is the table's, KEY is JSON's; one without has `-`.
    columns: Option<Packed>,
    /// Items of the list that is being made.
    items: usize,
    /// Number and parent of each row, where rows are a tree.
    pub nodes: List<[u64; 2]>,
    /// Rows that are told, in their order.
    pub chosen: List<usize>,
    tree: Tree,
    /// What is told, until it is written.
    pub out: List<u8>,
}

/// Cells of all rows.
struct Cells {
    /// Each has a NUL behind it.
    text: List<u8>,
    /// Where in it each ends.
    ends: List<usize>,
    /// Columns.
    count: usize,
}

impl Cells {
    /// Cells `first` to `last` of a row, with NULs between them.
    #[inline(never)]
    fn of(&self, row: usize, first: usize, last: usize) -> &[u8] {
        let index = row * self.count;
        let before = self.ends.at((index + first).wrapping_sub(1));
        let start = before.map_or(0, |end| end + 1);
        let end = self.ends.at(index + last).unwrap_or(start);
        self.text.items().get(start..end).unwrap_or_default()
    }
}

impl Sheet {
    /// An empty one, all zero.
    pub const fn new() -> Self {
        Self {
            json: false,
            width: 0,
            cells: Cells { text: List::new(), ends: List::new(), count: 0 },
            columns: None,
            items: 0,
            nodes: List::new(),
            chosen: List::new(),
            tree: Tree::new(),
            out: List::new(),
        }
    }

    /// Forgets all rows; those that come have these columns.
    #[inline(never)]
    pub fn begin(&mut self, columns: Packed) {
        self.cells.text.truncate(0);
        self.cells.ends.truncate(0);
        self.nodes.truncate(0);
        self.chosen.truncate(0);
        self.cells.count = columns.lines().count();
        self.columns = Some(columns);
    }

    /// Whether something of it could not be held.
    pub const fn has_failed(&self) -> bool {
        self.cells.text.has_failed()
            | self.cells.ends.has_failed()
            | self.nodes.has_failed()
            | self.chosen.has_failed()
            | self.tree.has_failed()
            | self.out.has_failed()
    }

    /// Ends the cell.
    #[inline(never)]
    fn end_cell(&mut self) {
        self.cells.ends.push(self.cells.text.items().len());
        self.cells.text.push(0);
    }

    /// Begins a string in the cell.
    #[inline(never)]
    pub fn open(&mut self) {
        if self.json {
            self.cells.text.push(b'"');
        }
    }

    /// Appends any bytes to the string.
    #[inline(never)]
    pub fn add(&mut self, mut rest: &[u8]) {
        while !rest.is_empty() {
            let taken = match first_piece(rest, self.json) {
                Piece::Plain(count) => {
                    self.cells.text.extend(rest.get(..count).unwrap_or_default());
                    count
                }
                Piece::Quoted => {
                    self.cells.text.push(b'\\');
                    self.cells.text.push(rest.first().copied().unwrap_or_default());
                    1
                }
                Piece::Escaped(number, count) => {
                    self.cells.text.extend(if self.json { b"\\u00" } else { b"\\x" });
                    for digit in [number >> 4, number & 15] {
                        self.cells.text.push(if digit < 10 {
                            b'0' + digit
                        } else {
                            b'a' + digit - 10
                        });
                    }
                    count
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// Appends a number to a string, or to a cell.
    #[inline(never)]
    pub fn add_number(&mut self, number: u64) {
        let mut digits = [0; 20];
        let start = decimal(number, &mut digits);
        self.cells.text.extend(digits.get(start..).unwrap_or_default());
    }

    /// Ends the string, and the cell.
    #[inline(never)]
    pub fn close(&mut self) {
        self.open();
        self.end_cell();
    }

    /// A cell of a string of any bytes.
    #[inline(never)]
    pub fn text(&mut self, text: &[u8]) {
        self.open();
        self.add(text);
        self.close();
    }

    /// A string, or that there is none.
    pub fn text_or_none(&mut self, text: &[u8]) {
        if text.is_empty() { self.none() } else { self.text(text) }
    }

    /// A cell that is no string.
    #[inline(never)]
    fn bare(&mut self, json: &[u8], table: &[u8]) {
        self.cells.text.extend(if self.json { json } else { table });
        self.end_cell();
    }

    /// A cell of what cannot be known.
    pub fn unknown(&mut self) {
        self.bare(b"null", b"?");
    }

    /// A cell of what there is not.
    pub fn none(&mut self) {
        self.bare(b"null", b"-");
    }

    /// A cell of a limit, which may not bound.
    #[inline(never)]
    pub fn limit(&mut self, limit: u64) {
        if limit == UNLIMITED { self.bare(b"null", b"unlimited") } else { self.number(limit) }
    }

    /// Makes the cell of what stands in the place of a number, `UNKNOWN` or `NONE`; false for a number.
    #[inline(never)]
    fn is_no_number(&mut self, number: u64) -> bool {
        match number {
            UNKNOWN => self.unknown(),
            NONE => self.none(),
            _ => return false,
        }
        true
    }

    /// A cell of a number.
    #[inline(never)]
    pub fn number(&mut self, number: u64) {
        if !self.is_no_number(number) {
            self.add_number(number);
            self.end_cell();
        }
    }

    /// A cell of yes (1) or no.
    #[inline(never)]
    pub fn flag(&mut self, flag: u64) {
        match flag {
            1 => self.bare(b"true", b"yes"),
            0 => self.bare(b"false", b"no"),
            _ => self.unknown(),
        }
    }

    /// A cell of bytes; in a table by powers of 1024.
    #[inline(never)]
    pub fn size(&mut self, bytes: u64) {
        if self.json || !(10_000..NONE).contains(&bytes) {
            return self.number(bytes);
        }
        let (mut tenths, mut units) = (bytes.saturating_mul(10), b"BKMGTPE".iter());
        let mut unit = units.next();
        while tenths >= 10_240 {
            tenths /= 1024;
            unit = units.next();
        }
        self.add_number(tenths / 10);
        self.cells.text.push(b'.');
        self.add_number(tenths % 10);
        self.cells.text.push(unit.copied().unwrap_or(b'?'));
        self.end_cell();
    }

    /// A cell of hundredths, as a decimal fraction.
    #[inline(never)]
    pub fn hundredths(&mut self, number: u64) {
        if self.is_no_number(number) {
            return;
        }
        self.add_number(number / 100);
        self.cells.text.push(b'.');
        self.add_number(number / 10 % 10);
        self.add_number(number % 10);
        self.end_cell();
    }

    /// Begins a string in the list that is the cell; `close_item` ends it.
    #[inline(never)]
    pub fn open_item(&mut self) {
        let before: &[u8] = match (self.items, self.json) {
            (0, true) => b"[",
            (0, false) => b"",
            (_, true) => b",",
            (_, false) => b" ",
        };
        self.cells.text.extend(before);
        self.items += 1;
        self.open();
    }

    /// Ends it.
    pub fn close_item(&mut self) {
        self.open();
    }

    /// A whole string of the list.
    #[inline(never)]
    pub fn item(&mut self, text: &[u8]) {
        self.open_item();
        self.add(text);
        self.close_item();
    }

    /// Ends the list, and the cell.
    #[inline(never)]
    pub fn close_list(&mut self) {
        if core::mem::take(&mut self.items) == 0 {
            self.bare(b"[]", b"-");
        } else {
            self.bare(b"]", b"");
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.cells.ends.items().len().checked_div(self.cells.count).unwrap_or(0)
    }

    /// Cells `first` to `last` of a row, with NULs between them.
    pub fn cells(&self, row: usize, first: usize, last: usize) -> &[u8] {
        self.cells.of(row, first, last)
    }

    fn columns(&self) -> Lines {
        self.columns.unwrap_or(Packed::new(b"")).lines()
    }

    /// Tells words of JSON or of a table.
    pub fn tell(&mut self, text: &[u8]) {
        self.out.extend(text);
    }

    /// Tells all rows: a table with a heading, or an array.
    #[inline(never)]
    pub fn print(&mut self) {
        if self.chosen.items().is_empty() {
            for row in 0..self.rows() {
                self.chosen.push(row);
            }
        }
        self.tree.make(self.nodes.items(), self.chosen.items_mut());
        if self.json { self.print_array() } else { self.print_table() }
    }

    fn print_array(&mut self) {
        let mut before: &[u8] = b"[";
        for index in 0..self.chosen.items().len() {
            self.tell(before);
            self.print_members(self.chosen.at(index).unwrap_or_default());
            self.tell(b"}");
            before = b",\n";
        }
        self.tell(if before == b"[" { b"[]\n" } else { b"]\n" });
    }

    /// `{"KEY":CELL,…`, of one row.
    #[inline(never)]
    pub fn print_members(&mut self, row: usize) {
        let mut before: &[u8] = b"{\"";
        let mut line = Line::new();
        for (column, names) in self.columns().enumerate() {
            let key = halves(names.unpack(&mut line), b' ').1;
            if key != b"-" {
                self.tell(before);
                self.tell(key);
                self.tell(b"\":");
                self.tell_cell(row, column);
                before = b",\"";
            }
        }
    }

    fn tell_cell(&mut self, row: usize, column: usize) {
        self.out.extend(self.cells.of(row, column, column));
    }

    /// A line for each cell of a row: its key and it.
    #[inline(never)]
    pub fn print_lines(&mut self, row: usize) {
        let mut line = Line::new();
        for (column, names) in self.columns().enumerate() {
            let start = self.out.items().len();
            let key = halves(names.unpack(&mut line), b' ').1;
            self.tell(key);
            self.pad(start, KEY_BYTES);
            self.tell_cell(row, column);
            self.end_line(start);
        }
    }

    /// Blanks up to a width of the line that begins there.
    fn pad(&mut self, start: usize, wanted: usize) {
        let used = width(self.out.items().get(start..).unwrap_or_default());
        for _ in used..wanted {
            self.out.push(b' ');
        }
    }

    fn print_table(&mut self) {
        let mut widths = [0; COLUMNS];
        self.measure(&mut widths);
        self.print_row(None, &widths);
        for index in 0..self.chosen.items().len() {
            self.print_row(self.chosen.at(index), &widths);
        }
    }

    /// Finds how wide columns are; 0: it is none of the table's.
    #[inline(never)]
    fn measure(&self, widths: &mut [usize; COLUMNS]) {
        let mut line = Line::new();
        for ((column, names), place) in self.columns().enumerate().zip(&mut *widths) {
            let head = halves(names.unpack(&mut line), b' ').0;
            if head == b"-" {
                continue;
            }
            *place = head.len() + 1;
            for row in self.chosen.items() {
                let before = if column == 0 { prefix_width(self.tree.depth(*row)) } else { 0 };
                *place = (*place).max(before + width(self.cells(*row, column, column)) + 1);
            }
        }
        // Nothing stands behind the last.
        if let Some(last) = widths.iter_mut().rfind(|width| **width > 0) {
            *last = 1;
        }
    }

    /// The line of one row; without one that of the headings.
    #[inline(never)]
    fn print_row(&mut self, row: Option<usize>, widths: &[usize; COLUMNS]) {
        let (start, mut end) = (self.out.items().len(), 0);
        let mut line = Line::new();
        for ((column, names), width) in self.columns().enumerate().zip(widths) {
            if *width == 0 {
                continue;
            }
            end += width;
            match row {
                None => self.tell(halves(names.unpack(&mut line), b' ').0),
                Some(row) => {
                    if column == 0 {
                        self.draw(row);
                    }
                    self.tell_cell(row, column);
                }
            }
            self.pad(start, if *width > 1 { end } else { 0 });
        }
        self.end_line(start);
    }

    /// Draws the branches that lead to a row.
    #[inline(never)]
    fn draw(&mut self, row: usize) {
        let depth = self.tree.depth(row);
        if depth > DEPTH {
            let mut line = Line::new();
            return self.tell(line.text("+").number(depth as u64).pad_to(8).bytes());
        }
        let mut branches = [b"  "; DEPTH];
        let mut node = row;
        for (place, level) in branches.iter_mut().take(depth).rev().zip(0..) {
            *place = match (level, self.tree.is_last(node)) {
                (0, true) => b"`-",
                (0, false) => b"|-",
                (_, true) => b"  ",
                (_, false) => b"| ",
            };
            node = self.tree.parent(node);
        }
        for branch in branches.iter().take(depth) {
            self.tell(*branch);
        }
    }

    /// Ends the line that begins there; a terminal gets as much of it as it has columns.
    #[inline(never)]
    fn end_line(&mut self, start: usize) {
        let line = self.out.items().get(start..).unwrap_or_default();
        if self.width > 0 && width(line) > self.width {
            let mut starts = line.iter().enumerate().filter(|(_, byte)| **byte & 0xc0 != 0x80);
            let cut = starts.nth(self.width - 1).map_or(0, |(cut, _)| cut);
            self.out.truncate(start + cut);
            self.tell("\u{2026}".as_bytes());
        }
        self.tell(b"\n");
    }
}

/// Two characters for each row above; for too many, how many.
const fn prefix_width(depth: usize) -> usize {
    if depth > DEPTH { 8 } else { depth * 2 }
}
