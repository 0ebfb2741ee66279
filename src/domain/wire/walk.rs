//! The walk over a message's bytes.

use super::{
    item::Item,
    room::{Excess, Room},
    shape::{self, Field, List, MOST_FIELDS, Shape, Value},
};

/// Boxed, because a walk that ends well should not carry the size of an excess.
type Walked = Result<(), Box<Excess>>;

/// Walks a message.
pub(super) fn message(room: &mut Room, shape: &'static Shape, bytes: &[u8]) -> Walked {
    walk(room, &Part { shape, bytes, within: None }, &mut 0)
}

/// A message on the way.
struct Part<'a> {
    shape: &'static Shape,
    bytes: &'a [u8],
    /// What holds it; `None`: it is the whole.
    within: Option<Within<'a>>,
}

/// The field that holds a part.
struct Within<'a> {
    part: &'a Part<'a>,
    field: &'static Field,
    /// Its place, if the field is a list.
    index: Option<usize>,
}

/// Elements that were counted.
struct Counts<'a> {
    /// Of each field of a message, by the field's place.
    fields: [usize; MOST_FIELDS],
    /// Of the lists with a shared limit, in the parts of this message.
    below: usize,
    /// Of the lists with a shared limit, in this message and those beside it.
    shared: &'a mut usize,
}

fn walk(room: &mut Room, part: &Part<'_>, shared: &mut usize) -> Walked {
    let mut counts = Counts { fields: [0; MOST_FIELDS], below: 0, shared };
    let mut rest = part.bytes;
    while !rest.is_empty() {
        let item = Item::take(&mut rest).ok_or_else(|| part.cut_short())?;
        room.take_fields(1 + item.inner)?;
        if let Some(field) = part.shape.field(item.number) {
            counted(room, part, field, &item, &mut counts)?;
        }
    }
    Ok(())
}

/// Counts one item of a known field, and walks it if it is a message.
fn counted(
    room: &mut Room,
    part: &Part<'_>,
    field: &'static Field,
    item: &Item<'_>,
    counts: &mut Counts<'_>,
) -> Walked {
    let elements = field.elements(item).ok_or_else(|| part.of_another_type(field))?;
    let before = counts.add(field, elements);
    let message = matches!(field.value, Value::Message(_));
    match field.list {
        Some(list) if list.shared => {
            *counts.shared += elements;
            if *counts.shared > list.limit {
                return Err(part.many_beside(list).into());
            }
        }
        Some(list) if before + elements > list.limit => {
            return Err(part.many(field, list).into());
        }
        None if message && before > 0 => {
            room.take_merge().ok_or_else(|| Excess::Merges { field: part.path(field, None) })?;
        }
        Some(_) | None => {}
    }
    let index = field.list.map(|_| before);
    match field.value {
        Value::Bytes(limit) if item.value.len() > limit => {
            let (field, value) = (part.path(field, index), item.value.len());
            Err(Excess::Many { field, what: "bytes", value, limit }.into())
        }
        Value::Message(inner) => {
            let Some(shape) = shape::at(inner) else { return Ok(()) };
            let within = Some(Within { part, field, index });
            walk(room, &Part { shape, bytes: item.value, within }, &mut counts.below)
        }
        Value::Bytes(_) | Value::Number(_) => Ok(()),
    }
}

impl Counts<'_> {
    /// Adds elements of a field; answers how many there were before.
    fn add(&mut self, field: &Field, elements: usize) -> usize {
        let Some(count) = self.fields.get_mut(field.place) else { return 0 };
        let before = *count;
        *count += elements;
        before
    }
}

impl Room {
    fn take_fields(&mut self, fields: usize) -> Walked {
        self.fields = self.fields.checked_sub(fields).ok_or(Excess::Fields)?;
        Ok(())
    }

    fn take_merge(&mut self) -> Option<()> {
        self.merges = self.merges.checked_sub(1)?;
        Some(())
    }
}

impl Part<'_> {
    /// The path of a field of this part, or of an element of it.
    fn path(&self, field: &Field, index: Option<usize>) -> String {
        let above = self.within.as_ref().map(|it| it.part.path(it.field, it.index) + ".");
        let index = index.map(|index| format!("[{index}]"));
        [above.as_deref(), Some(&field.name), index.as_deref()].into_iter().flatten().collect()
    }

    /// The list is over its limit. The rest is counted, so that the answer has the value.
    fn many(&self, field: &Field, list: List) -> Excess {
        let value = field.all_elements(self.bytes);
        let (field, List { what, limit, .. }) = (self.path(field, None), list);
        Excess::Many { field, what, value, limit }
    }

    /// The lists in this part and those beside it are together over their limit.
    fn many_beside(&self, list: List) -> Excess {
        let Some(Within { part: above, field, .. }) = &self.within else {
            return Excess::Fields;
        };
        let beside = Item::all(above.bytes).filter(|item| item.number == field.number);
        // One walk for all these lists: a message of 8 MiB has four million elements.
        let shared = |item: Item<'_>| {
            let field = self.shape.field(item.number)?;
            field.list.is_some_and(|list| list.shared).then(|| field.elements(&item))?
        };
        let value = beside.flat_map(|item| Item::all(item.value)).filter_map(shared).sum();
        let (field, List { what, limit, .. }) = (above.path(field, None), list);
        Excess::Many { field, what, value, limit }
    }

    fn cut_short(&self) -> Excess {
        let problem = "is not encoded as protobuf: it is cut short, or longer than what holds it";
        let path = self.within.as_ref().map(|it| it.part.path(it.field, it.index));
        Excess::Malformed { field: path.unwrap_or_default(), problem }
    }

    fn of_another_type(&self, field: &Field) -> Excess {
        let problem = "is encoded as a value of another type";
        Excess::Malformed { field: self.path(field, None), problem }
    }
}
