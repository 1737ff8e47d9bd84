//! Which loopback addresses are this world's own?
//!
//! Worlds that run at the same time, in one process or in many, must not meet. Each takes a block of
//! 256 addresses out of 127.64.0.0/10 and shows that by listening on the block's first address. Linux
//! has all of 127.0.0.0/8 on its loopback interface; other systems have 127.0.0.1 alone.

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// 256 loopback addresses, ours until this is dropped.
#[derive(Debug)]
pub struct Block {
    first: [u8; 3],
    /// Nobody connects to it: it only keeps others away.
    _held: TcpListener,
}

impl Block {
    /// Takes a free one.
    ///
    /// # Errors
    /// None is free, or the system refuses to listen on such addresses.
    pub fn claim() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let spread = std::process::id()
            .wrapping_mul(40_503)
            .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        for attempt in 0..BLOCKS {
            let number = spread.wrapping_add(attempt) % BLOCKS;
            let [_, _, high, low] = number.to_be_bytes();
            let first = [127, 64 | high, low];
            match TcpListener::bind(SocketAddrV4::new(address(first, 1), MARK)) {
                Ok(held) => {
                    return Ok(Self { first, _held: held });
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(
            ErrorKind::AddrInUse,
            "all blocks of loopback addresses are taken",
        ))
    }

    /// Its address with this last octet. 1 is the block's mark; 2 and up are free to use.
    #[must_use]
    pub fn address(&self, host: u8) -> Ipv4Addr {
        address(self.first, host)
    }
}

const BLOCKS: u32 = 64 * 256;
/// Below the ports that systems give to outgoing connections, and registered for nothing.
const MARK: u16 = 7_477;

fn address([a, b, c]: [u8; 3], host: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn blocks_are_different_and_end() {
        let blocks: Vec<Block> = (0..50).map(|_| Block::claim().unwrap()).collect();
        let different: BTreeSet<Ipv4Addr> = blocks.iter().map(|b| b.address(3)).collect();
        assert_eq!(different.len(), blocks.len());
        for block in &blocks {
            assert!(block.address(2).is_loopback());
            assert!((64..128).contains(&block.address(2).octets()[1]));
        }
        let mark = SocketAddrV4::new(blocks[0].address(1), MARK);
        assert!(TcpListener::bind(mark).is_err(), "held");
        drop(blocks);
        assert!(TcpListener::bind(mark).is_ok(), "free again");
    }
}
