// SPDX-License-Identifier: Apache-2.0

/// Days counted from 1970-01-01 and dates of the Gregorian calendar, each as the other.
package enum CivilDate {
    /// Days since 1970-01-01: years begin in March, so that the leap day comes last.
    package static func daysSinceEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let marchYear = month > 2 ? year : year - 1
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear - 719_468
    }

    /// The date of a day, for any number of days: eras of 400 years have all the same length.
    static func ofDay(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let era = (days + 719_468).flooredQuotient(146_097)
        let dayOfEra = days + 719_468 - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = (marchMonth + 2) % 12 + 1
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1
        )
    }
}

extension Int {
    /// Division that rounds down, as a calendar needs before 1970.
    func flooredQuotient(_ divisor: Int) -> Int {
        self >= 0 ? self / divisor : -((divisor - 1 - self) / divisor)
    }
}
