import Base

/// The script that charges buckets: all of one request's at once, or none of them.
///
/// It is the law of `Traffic`'s `TokenBucketLaw`, on the server's clock. A bucket is one key; its value is the instant
/// at which it will be full again (whole seconds, microseconds) and the time that it takes to fill when empty, by which
/// a bucket of a changed limit stays as full, in proportion, as it was. A bucket that is full again has nothing to
/// remember: its key expires at that instant.
///
/// A bucket that a request names more than once is charged each time, in the order of the keys.
///
/// Times are microseconds with fractions, differences to the present instant: a double holds the longest one that a
/// limit can have to a hundredth of a microsecond, where an instant itself would be off by a quarter.
package enum BucketScript {
    /// Of each key: the time between two tokens, the time to fill, `1` when the limit only counts, the cost, and how
    /// many tokens are taken instead if they are there: a batch. A negative cost gives tokens back, at most until the
    /// bucket is full.
    static let argumentsPerKey = 5
    /// No bucket takes longer to fill (`TokenBucketLaw.fillTimeMaximum`), but for what rounding adds.
    static let fillTimeMax = TimeAmount.seconds(367 * 86_400)

    /// It answers with two numbers for each key: nanoseconds until the bucket is full again, when the tokens are there,
    /// otherwise the negative of that, less one; and how many tokens were taken. Nothing is charged when a limit
    /// that does more than count refuses.
    package static let text = """
        if #KEYS == 0 then return {} end
        local now = redis.call('TIME')
        local sec, usec = tonumber(now[1]), tonumber(now[2])
        local held = redis.call('MGET', unpack(KEYS))
        local missing, wanted, fits, ok = {}, {}, {}, true
        local before, after = {}, {}
        for i = 1, #KEYS do
          local a, key = (i - 1) * 5, KEYS[i]
          local fill = tonumber(ARGV[a + 2])
          if not before[key] then
            local m = 0
            local s, u, f = string.match(held[i] or '', '^(%d+) (%d+%.?%d*) (%d+%.?%d*)$')
            if s then
              m = (tonumber(s) - sec) * 1000000 + (tonumber(u) - usec)
              if f ~= ARGV[a + 2] then m = m * fill / tonumber(f) end
              if m < 0 then m = 0 elseif m > fill then m = fill end
            end
            before[key], after[key] = m, m
          end
          missing[i] = after[key]
          wanted[i] = math.max(missing[i] + tonumber(ARGV[a + 4]) * tonumber(ARGV[a + 1]), 0)
          fits[i] = wanted[i] <= fill + 0.001
          if fits[i] then
            after[key] = wanted[i]
          elseif ARGV[a + 3] ~= '1' then
            ok = false
          end
        end
        local answer = {}
        for i = 1, #KEYS do
          local a, key = (i - 1) * 5, KEYS[i]
          local m, taken = missing[i], 0
          if not ok then
            if fits[i] then m = before[key] end
          elseif fits[i] then
            m, taken = wanted[i], tonumber(ARGV[a + 4])
            local beyond = (tonumber(ARGV[a + 5]) - taken) * tonumber(ARGV[a + 1])
            local all = after[key] + beyond
            if taken >= 0 and beyond > 0 and all <= tonumber(ARGV[a + 2]) + 0.001 then
              m, taken, after[key] = m + beyond, tonumber(ARGV[a + 5]), all
            end
            if after[key] ~= before[key] then
              local full = usec + after[key]
              local s = math.floor(full / 1000000)
              redis.call('SET', key, string.format('%d %.4f %s', sec + s, full - s * 1000000, ARGV[a + 2]),
                'PX', string.format('%d', math.ceil(after[key] / 1000) + 1))
            end
          end
          local n = math.ceil(m * 1000)
          answer[i * 2 - 1] = fits[i] and n or -n - 1
          answer[i * 2] = taken
        end
        return answer
        """
}
