//! What goes over a connection, over and over.

/// A request, or several at once, and what comes back for it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What is sent: one request or, where they are pipelined, several.
    pub request: Vec<u8>,
    /// What must come back for it, byte for byte.
    pub answer: Vec<u8>,
    /// How many requests it counts as.
    pub requests: u64,
}

impl Exchange {
    /// `size` bytes that come back as they are.
    pub fn echo(size: usize) -> Exchange {
        let request: Vec<u8> = (0..size).map(|index| (index * 31 + 7) as u8).collect();
        Exchange { answer: request.clone(), request, requests: 1 }
    }

    /// `pipelined` requests for a greeting, sent together.
    pub fn hello(pipelined: usize) -> Exchange {
        let request = b"GET /hello HTTP/1.1\r\nHost: bench\r\nUser-Agent: annulus-bench\r\n\r\n";
        Exchange {
            request: request.repeat(pipelined),
            answer: annulus_bench_kit::http::ANSWER.repeat(pipelined),
            requests: pipelined as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipelined_exchange_is_answered_by_the_shared_application() {
        let exchange = Exchange::hello(16);
        let mut answers = Vec::new();
        let taken = annulus_bench_kit::http::answer(&exchange.request, &mut answers);
        assert_eq!(taken, Ok(exchange.request.len()));
        assert_eq!(answers, exchange.answer);
        assert_eq!(exchange.requests, 16);
    }
}
