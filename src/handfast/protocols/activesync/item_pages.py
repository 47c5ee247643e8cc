"""The WBXML code pages of what is synchronised: each page's tags in token order from 0x05, "-" where none is assigned.

Here too the tokens of protocol version 2.5 are kept (bodies, attachments and RTF before AirSyncBase had them).
Source and comparison: as for the pages of the commands. Z-Push and Horde know eight more Calendar tokens
(0x2B-0x32, attachments) that no other source has; they are left unassigned.
"""

from __future__ import annotations

ITEM_PAGES = {
    (1, "Contacts"): """
        Anniversary AssistantName AssistantPhoneNumber Birthday Body BodySize BodyTruncated
        Business2PhoneNumber BusinessAddressCity BusinessAddressCountry BusinessAddressPostalCode
        BusinessAddressState BusinessAddressStreet BusinessFaxNumber BusinessPhoneNumber CarPhoneNumber
        Categories Category Children Child CompanyName Department Email1Address Email2Address
        Email3Address FileAs FirstName Home2PhoneNumber HomeAddressCity HomeAddressCountry
        HomeAddressPostalCode HomeAddressState HomeAddressStreet HomeFaxNumber HomePhoneNumber JobTitle
        LastName MiddleName MobilePhoneNumber OfficeLocation OtherAddressCity OtherAddressCountry
        OtherAddressPostalCode OtherAddressState OtherAddressStreet PagerNumber RadioPhoneNumber Spouse
        Suffix Title WebPage YomiCompanyName YomiFirstName YomiLastName CompressedRTF Picture Alias
        WeightedRank""",
    (2, "Email"): """
        Attachment Attachments AttName AttSize Att0id AttMethod AttRemoved Body BodySize BodyTruncated
        DateReceived DisplayName DisplayTo Importance MessageClass Subject Read To Cc From ReplyTo
        AllDayEvent Categories Category DtStamp EndTime InstanceType BusyStatus Location MeetingRequest
        Organizer RecurrenceId Reminder ResponseRequested Recurrences Recurrence Type Until Occurrences
        Interval DayOfWeek DayOfMonth WeekOfMonth MonthOfYear StartTime Sensitivity TimeZone GlobalObjId
        ThreadTopic MIMEData MIMETruncated MIMESize InternetCPID Flag Status ContentClass FlagType
        CompleteTime DisallowNewTimeProposal""",
    (4, "Calendar"): """
        Timezone AllDayEvent Attendees Attendee Email Name Body BodyTruncated BusyStatus Categories
        Category CompressedRTF DtStamp EndTime Exception Exceptions Deleted ExceptionStartTime Location
        MeetingStatus OrganizerEmail OrganizerName Recurrence Type Until Occurrences Interval DayOfWeek
        DayOfMonth WeekOfMonth MonthOfYear Reminder Sensitivity Subject StartTime UID AttendeeStatus
        AttendeeType - - - - - - - - DisallowNewTimeProposal ResponseRequested AppointmentReplyTime
        ResponseType CalendarType IsLeapMonth FirstDayOfWeek OnlineMeetingConfLink
        OnlineMeetingExternalLink ClientUid""",
    (9, "Tasks"): """
        Body BodySize BodyTruncated Categories Category Complete DateCompleted DueDate UtcDueDate
        Importance Recurrence Type Start Until Occurrences Interval DayOfMonth DayOfWeek WeekOfMonth
        MonthOfYear Regenerate DeadOccur ReminderSet ReminderTime Sensitivity StartDate UtcStartDate
        Subject CompressedRTF OrdinalDate SubOrdinalDate CalendarType IsLeapMonth FirstDayOfWeek""",
    (12, "Contacts2"): """
        CustomerId GovernmentId IMAddress IMAddress2 IMAddress3 ManagerName CompanyMainPhone AccountName
        NickName MMS""",
    (16, "GAL"): """
        DisplayName Phone Office Title Company Alias FirstName LastName HomePhone MobilePhone EmailAddress
        Picture Status Data""",
    (17, "AirSyncBase"): """
        BodyPreference Type TruncationSize AllOrNone - Body Data EstimatedDataSize Truncated Attachments
        Attachment DisplayName FileReference Method ContentId ContentLocation IsInline NativeBodyType
        ContentType Preview BodyPartPreference BodyPart Status Add Delete ClientId Content Location
        Annotation Street City State Country PostalCode Latitude Longitude Accuracy Altitude
        AltitudeAccuracy LocationUri InstanceId""",
    (19, "DocumentLibrary"): """
        LinkId DisplayName IsFolder CreationDate LastModifiedDate IsHidden ContentLength ContentType""",
    (22, "Email2"): """
        UmCallerID UmUserNotes UmAttDuration UmAttOrder ConversationId ConversationIndex LastVerbExecuted
        LastVerbExecutionTime ReceivedAsBcc Sender CalendarType IsLeapMonth AccountId FirstDayOfWeek
        MeetingMessageType - IsDraft Bcc Send""",
    (23, "Notes"): """
        Subject MessageClass LastModifiedDate Categories Category""",
    (24, "RightsManagement"): """
        RightsManagementSupport RightsManagementTemplates RightsManagementTemplate RightsManagementLicense
        EditAllowed ReplyAllowed ReplyAllAllowed ForwardAllowed ModifyRecipientsAllowed ExtractAllowed
        PrintAllowed ExportAllowed ProgrammaticAccessAllowed Owner ContentExpiryDate TemplateID
        TemplateName TemplateDescription ContentOwner RemoveRightsManagementProtection""",
}
