//! Where in a certificate are the parts that DANE asks for?
pub(crate) struct Certificate<'a> {
    pub(crate) spki: &'a [u8],
}
impl<'a> Certificate<'a> {
    pub(crate) fn parse(_der: &'a [u8]) -> Option<Self> {
        todo!()
    }
}
pub(crate) fn is_spki(_der: &[u8]) -> bool {
    todo!()
}
